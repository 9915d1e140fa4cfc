/* Rows in groups of at most MOST_ROWS, which the including file defines: as many as registers hold the sums of. */

/* How many of the rows that are left come next: groups of nearly the same size, since a last one of a single row would
   waste most of its time. */
static int64_t next_rows(int64_t left) {
    int64_t groups = (left + MOST_ROWS - 1) / MOST_ROWS;
    return (left + groups - 1) / groups;
}

/* Does something for so many rows, their number known when this is compiled. */
#if MOST_ROWS > 3
#define MORE_ROWS(what) \
    case 3: what(3); break; \
    case 4: what(4); break; \
    case 5: what(5); break;
#else
#define MORE_ROWS(what)
#endif

#define FEW(rows, what) \
    switch (rows) { \
        case 1: what(1); break; \
        case 2: what(2); break; \
        MORE_ROWS(what) \
        default: what(MOST_ROWS); \
    }
