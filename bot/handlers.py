"""What people can ask for, whichever way they ask: slash command, button, menu, or a line written to the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from ..core.commands import registry
from ..core.errors import CommandError
from ..core.sampling.rng import fresh_rng
from ..core.setting_types import NUMBER, Ramp
from . import formatting
from .button_state import DRAWING, Recipe, model_called, unpacked
from .buttons import LABELS
from .channel_settings import HELP, Channels, Place
from .delivery import Delivery
from .replies import Answer
from .setting_specs import SETTINGS, narrowed
from .writer import Order, Writer

NOTCH = 0.2
"""How much hotter or cooler a press of a button is."""

HERE = "typed to me: a seed, or /say /temp /settings /model /sweep /explain /memory /help /forget"


class Found(NamedTuple):
    """One of the bot's own messages: its id, what it holds, and the recipe that its buttons carry."""

    id: int
    content: str
    recipe: str = ""


class Desk:
    """Each method answers one wish, or raises AfterglowError. ``who`` is the person's id, for Stop alone."""

    def __init__(self, writer: Writer, channels: Channels, delivery: Delivery) -> None:
        self._writer, self._channels, self._delivery = writer, channels, delivery

    async def say(self, answer: Answer, place: Place, who: int, seed: str, **wishes: Any) -> None:
        """Write on from a seed."""
        order = await self._writer.order(place.channel, place.guild, seed, **wishes)
        await self._write(answer, place, who, order)

    async def sweep(self, answer: Answer, place: Place, who: int, seed: str) -> None:
        """Write on from a seed at four temperatures."""
        order = await self._writer.order(place.channel, place.guild, seed)
        await self._delivery.sweep(answer, order, who)

    async def go_on(self, answer: Answer, place: Place, who: int, content: str, source: int) -> None:
        """Write on from anybody's message; from one of the bot's own, ``source``, from what it says."""
        seed = formatting.read_back(content) if source else content
        order = await self._writer.order(place.channel, place.guild, seed)
        await self._write(answer, place, who, order._replace(source=source, memory=False), LABELS["c"])

    async def press(
        self, answer: Answer, place: Place, who: int, act: str, found: Found, fetch: Callable[[int], Awaitable[str]]
    ) -> None:
        """What a button under ``found`` asks for; ``fetch`` gets the content of another message of the bot."""
        recipe = unpacked(found.recipe)
        if act == "c":
            recipe = recipe._replace(source=found.id, seed=None, cut=False)
        recipe, what = turned(recipe, act)
        content = await fetch(recipe.source) if recipe.source not in (0, found.id) else found.content
        seed = formatting.read_back(content)[: recipe.seed]
        what += f" · of the seed the last {len(seed):,} characters" if recipe.cut else ""
        await self._write(answer, place, who, await self._ordered(place, recipe, seed), what)

    async def explain(self, answer: Answer, found: Found | None) -> None:
        """How the temperature reshaped the last choice of the bot's latest text."""
        if found is None:
            raise CommandError("there is no text of mine in the last messages here; /say writes one")
        recipe = unpacked(found.recipe)
        model = await self._writer.model(model_called(recipe.model, await self._writer.names()))
        heat = recipe.temperature.end if isinstance(recipe.temperature, Ramp) else recipe.temperature
        await answer.show(await self._channels.explain(model, formatting.read_back(found.content), heat))

    async def typed(
        self, answer: Answer, place: Place, who: int, line: str, latest: Callable[[], Awaitable[Found | None]]
    ) -> None:
        """What a line asks for: a seed, or a command where it begins with "/". As everywhere, "//" begins a seed."""
        if not registry.is_command(line):
            return await self.say(answer, place, who, registry.seed_of(line))
        word, rest = registry.name_and_rest(line)
        word = word.lower()
        if word == "say":
            return await self.say(answer, place, who, rest)
        if word == "sweep":
            return await self.sweep(answer, place, who, rest)
        if word == "explain":
            return await self.explain(answer, await latest())
        return await answer.show(await self._answered(place, word, rest))

    async def _answered(self, place: Place, word: str, rest: str) -> str:
        """The answer to a typed command that writes no text."""
        if word == "help":
            return HELP
        if word == "model":
            return await self._channels.model(place, rest)
        if word == "forget":
            return await self._channels.forget(place)
        if word in ("set", "settings"):
            word, _, rest = rest.partition(" ")
            if not word:
                return await self._channels.listing(place)
        return await self._channels.setting(place, _setting_called(word), rest.strip() or None)

    async def _write(self, answer: Answer, place: Place, who: int, order: Order, what: str = "") -> None:
        watched = bool(self._channels.value(place, "typewriter"))
        await self._delivery.text(answer, order, who, what, watched)

    async def _ordered(self, place: Place, recipe: Recipe, seed: str) -> Order:
        """The order that a recipe stands for; what it does not carry is as the channel has it now."""
        name = model_called(recipe.model, await self._writer.names())
        model = await self._writer.model(name)
        usual = {} if recipe.short else {each: getattr(model.settings, each) for each in DRAWING}
        wishes = usual | recipe.settings | {"temperature": recipe.temperature, "length": recipe.length}
        order = await self._writer.order(place.channel, place.guild, seed, name, **wishes)
        source = recipe.source if recipe.seed is None else 0
        return order._replace(rng=recipe.rng, memory=False, source=source)


def turned(recipe: Recipe, act: str) -> tuple[Recipe, str]:
    """The recipe that a button makes of another, and what to say of it. Raises CommandError at the end of the range."""
    if act == "c":
        return recipe, LABELS[act]
    if act == "r":
        rng = fresh_rng()
        return recipe._replace(rng=rng), f"{LABELS[act]}: rng {recipe.rng} → {rng}"
    before, after = recipe.temperature, _moved(recipe.temperature, NOTCH if act == "h" else -NOTCH)
    kind = narrowed("temperature").kind
    if after == before:
        raise CommandError(f"T {kind.show(before)} is as far as it goes")
    return recipe._replace(temperature=after), f"{LABELS[act]}: T {kind.show(before)} → {kind.show(after)}"


def _moved(temperature: Any, by: float) -> Any:
    kind = narrowed("temperature").kind
    assert isinstance(kind, NUMBER)
    if isinstance(temperature, Ramp):
        return Ramp(*(_moved(end, by) for end in temperature))
    return round(min(kind.high, max(kind.low, temperature + by)), 3)


def _setting_called(word: str) -> str:
    """The setting that a typed command's name means; raises CommandError, which lists what there is."""
    name = word.lower().replace("-", "_")
    if name in SETTINGS:
        return name
    try:
        found = registry.find(word).name
    except CommandError:
        found = ""
    meant = "temperature" if found == "temp" else found.replace("-", "_")
    if meant not in SETTINGS:
        raise CommandError(HERE)
    return meant
