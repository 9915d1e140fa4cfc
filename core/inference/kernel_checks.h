/* GCC's sanitizers see no masked access. In their builds these functions access the same bytes once more, without a mask;
   in all others they do nothing. */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static inline void check_read(const void *from, int64_t bytes) {
    for (const volatile char *at = from; at < (const char *)from + bytes; at++) (void)*at;
}
static inline void check_written(void *to, int64_t bytes) {
    for (volatile char *at = to; at < (char *)to + bytes; at++) *at = *at;
}
#else
#define check_read(from, bytes) ((void)0)
#define check_written(to, bytes) ((void)0)
#endif
