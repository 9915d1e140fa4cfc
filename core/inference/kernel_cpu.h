/* Which instructions the including file uses: it lists the features of the processor once, in FEATURES(each). FAST lets a
   function use them, and SUPPORTED is 1 if this processor, and its operating system, has every one of them. */

#define THEN_NAME(feature) "," feature
#define AND_HAS(feature) && __builtin_cpu_supports(feature)

#define FAST __attribute__((target("sse2" FEATURES(THEN_NAME)))) /* x86-64 always has SSE2 */
#define SUPPORTED (1 FEATURES(AND_HAS))
#define INLINE FAST static inline __attribute__((always_inline))
