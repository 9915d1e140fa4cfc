/* Processes rows in groups of at most MAX_ROWS, which the including file defines: the sums of a group fit in registers. */

/* Returns the size of the next group, given the number of rows left. Groups have nearly the same size, since a last one of
   a single row would waste most of its time. */
static int64_t next_group_size(int64_t left) {
    int64_t groups = (left + MAX_ROWS - 1) / MAX_ROWS;
    return (left + groups - 1) / groups;
}

/* Calls a macro with the number of rows as a compile-time constant. */
#if MAX_ROWS > 3
#define MORE_CASES(call) \
    case 3: call(3); break; \
    case 4: call(4); break; \
    case 5: call(5); break;
#else
#define MORE_CASES(call)
#endif

#define WITH_ROW_COUNT(rows, call) \
    switch (rows) { \
        case 1: call(1); break; \
        case 2: call(2); break; \
        MORE_CASES(call) \
        default: call(MAX_ROWS); \
    }
