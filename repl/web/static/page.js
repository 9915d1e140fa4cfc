// textual.js takes the address and the font size from the element, and starts after this script.
"use strict";

const MAX_PASTE = 60000;
const terminal = document.getElementById("terminal");
const address = new URL("ws", location.href);
address.protocol = location.protocol.replace("http", "ws");
terminal.dataset.sessionWebsocketUrl = address.href;
terminal.dataset.fontSize = parseInt(new URLSearchParams(location.search).get("fontsize"), 10) || 16;
document.getElementById("again").addEventListener("click", () => location.reload());

// The server ends a session that sends too much at once, and says why it ends one.
window.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    this.addEventListener("close", (event) => {
      const reason = event.reason || "the connection was lost";
      document.getElementById("reason").textContent = `This session is over: ${reason}`;
    });
  }

  send(data) {
    if (data.length > MAX_PASTE) alert(`At most ${MAX_PASTE} characters can be pasted at once.`);
    else super.send(data);
  }
};
