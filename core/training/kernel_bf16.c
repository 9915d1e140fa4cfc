/* The recurrence of an LSTM layer in training: the forward and the backward pass through a window, for many rows, in
   bfloat16 on x86-64 with AVX512-BF16. Elsewhere the module is empty. lstm_kernel.py calls it and packs the weights.

   Rows are independent. Each call computes some rows for the whole window, so threads never wait for each other, and a
   row's result does not depend on the other rows of its batch. The width is a multiple of 64. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)

#include <cpuid.h>
#include <immintrin.h>

#define FEATURES(each) \
    each("avx512f") each("avx512bw") each("avx512vl") each("avx512dq") each("avx512bf16") each("fma")
#include "../inference/kernel_cpu.h"

#define LANES 16 /* units in a vector */
#define VECTORS 4  /* vectors of sums in parallel: the four gates of 16 units, or 64 units */
#define MAX_ROWS 6 /* with four vectors each, 24 of the 32 registers hold sums */

typedef __m512 Reals;
typedef uint16_t Half; /* a bfloat16 */

#define SET(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define MIN(a, b) _mm512_min_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#include "../inference/kernel_gates.h"
#include "../inference/kernel_rows.h"

INLINE Reals load(const Half *from) {
    __m256i halves = _mm256_loadu_si256((const __m256i *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

INLINE void store(Half *to, Reals x) { _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh(x)); }

/* Does the same as _mm512_dpbf16_ps. With the intrinsic, GCC 12 copies every sum back and forth. */
INLINE Reals plus_products(Reals sum, __m512i inputs, __m512i weights) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(inputs), "v"(weights));
    return sum;
}

typedef struct {
    int64_t steps, rows, width;
    const Half *weights; /* (blocks, inputs / 2, VECTORS, LANES, 2) */
    const float *bias;   /* (4, width) */
    Half *gates;         /* (steps, rows, 4, width): inputs of i f g o, overwritten with their activations */
    Half *h;             /* (steps + 1, rows, width): the first is given, the others are written */
    float *c;            /* the same shape */
    const Half *grad_h;  /* (steps, rows, width): gradients of h from the layer above */
    Half *grad_gates;    /* (steps, rows, 4, width): gradients of the gates' inputs, written */
} Window;

/* Adds to `sums` the products of some rows of x, each with `inputs` numbers, and the weights of a block. */
INLINE void add_products(Reals sums[][VECTORS], const Half *x, int64_t inputs, const Half *weights, int rows) {
    for (int64_t k = 0; k < inputs; k += 2, weights += 2 * VECTORS * LANES) {
        __m512i w[VECTORS];
        for (int n = 0; n < VECTORS; n++) w[n] = _mm512_loadu_si512(weights + 2 * n * LANES);
        for (int r = 0; r < rows; r++) {
            int32_t pair;
            memcpy(&pair, x + r * inputs + k, 4);
            __m512i pairs = _mm512_set1_epi32(pair);
            for (int n = 0; n < VECTORS; n++) sums[r][n] = plus_products(sums[r][n], pairs, w[n]);
        }
    }
}

/* Computes a step of the forward pass, for some rows and the units of one vector. */
INLINE void forward(const Window *w, int64_t step, int64_t block, int64_t row, int rows) {
    Reals sums[MAX_ROWS][VECTORS];
    int64_t at = step * w->rows + row, unit = block * LANES, width = w->width;
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < VECTORS; n++)
            sums[r][n] = load(w->gates + ((at + r) * 4 + n) * width + unit) + _mm512_loadu_ps(w->bias + n * width + unit);
    add_products(sums, w->h + at * width, width, w->weights + block * width * VECTORS * LANES, rows);
    for (int r = 0; r < rows; r++) {
        int64_t before = (at + r) * width + unit, after = before + w->rows * width;
        Reals i = sigmoid_of(sums[r][0]), f = sigmoid_of(sums[r][1]), g = tanh_of(sums[r][2]), o = sigmoid_of(sums[r][3]);
        Reals c = f * _mm512_loadu_ps(w->c + before) + i * g, all[] = {i, f, g, o};
        _mm512_storeu_ps(w->c + after, c);
        store(w->h + after, o * tanh_of(c));
        for (int n = 0; n < VECTORS; n++) store(w->gates + ((at + r) * 4 + n) * width + unit, all[n]);
    }
}

/* Computes a step of the backward pass through the gates of a row, from the gradients of h and c after the step. grad_c
   is overwritten with the gradients of c before the step. */
FAST static void back_through_gates(const Window *w, int64_t at, const float *next_grad_h, float *grad_c) {
    int64_t width = w->width;
    const Half *gates = w->gates + at * 4 * width;
    Half *grad_gates = w->grad_gates + at * 4 * width;
    const float *before = w->c + at * width, *after = before + w->rows * width;
    for (int64_t unit = 0; unit < width; unit += LANES) {
        Reals one = SET(1.0f), i = load(gates + unit), f = load(gates + width + unit);
        Reals g = load(gates + 2 * width + unit), o = load(gates + 3 * width + unit);
        Reals tanh_c = tanh_of(_mm512_loadu_ps(after + unit));
        Reals dh = load(w->grad_h + at * width + unit) + _mm512_loadu_ps(next_grad_h + unit);
        Reals dc = _mm512_loadu_ps(grad_c + unit) + dh * o * (one - tanh_c * tanh_c);
        store(grad_gates + unit, dc * g * i * (one - i));
        store(grad_gates + width + unit, dc * _mm512_loadu_ps(before + unit) * f * (one - f));
        store(grad_gates + 2 * width + unit, dc * i * (one - g * g));
        store(grad_gates + 3 * width + unit, dh * tanh_c * o * (one - o));
        _mm512_storeu_ps(grad_c + unit, dc * f);
    }
}

/* Computes the gradients of h before a step, for some rows and a block of units. `at` is the index of the first row in the
   window. */
INLINE void back_through_weights(const Window *w, int64_t at, int64_t block, float *grad_h, int rows) {
    Reals sums[MAX_ROWS][VECTORS] = {0};
    int64_t inputs = 4 * w->width;
    add_products(sums, w->grad_gates + at * inputs, inputs, w->weights + block * inputs * VECTORS * LANES, rows);
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < VECTORS; n++)
            _mm512_storeu_ps(grad_h + r * w->width + (block * VECTORS + n) * LANES, sums[r][n]);
}

FAST static void all_forward(const Window *w, int64_t first, int64_t last) {
    for (int64_t step = 0; step < w->steps; step++)
        for (int64_t block = 0; block < w->width / LANES; block++)
            for (int64_t row = first, rows; row < last; row += rows) {
                rows = next_group_size(last - row);
#define STEP_ROWS(count) forward(w, step, block, row, count)
                WITH_ROW_COUNT(rows, STEP_ROWS)
#undef STEP_ROWS
            }
}

/* `grad_h` and `grad_c`, (last - first, width), hold the gradients from the step after. They start at zero. */
FAST static void all_back(const Window *w, int64_t first, int64_t last, float *grad_h, float *grad_c) {
    int64_t width = w->width;
    for (int64_t step = w->steps - 1; step >= 0; step--) {
        for (int64_t row = first; row < last; row++)
            back_through_gates(w, step * w->rows + row, grad_h + (row - first) * width, grad_c + (row - first) * width);
        for (int64_t block = 0; step && block < width / (VECTORS * LANES); block++)
            for (int64_t row = first, rows; row < last; row += rows) {
                rows = next_group_size(last - row);
#define STEP_ROWS(count) back_through_weights(w, step * w->rows + row, block, grad_h + (row - first) * width, count)
                WITH_ROW_COUNT(rows, STEP_ROWS)
#undef STEP_ROWS
            }
    }
}

/* Tensors are passed as addresses, in the order of lstm_kernel.py. */
#define AT(address) ((void *)(uintptr_t)(address))

static PyObject *py_forward(PyObject *self, PyObject *args) {
    Py_ssize_t steps, rows, width, first, last;
    unsigned long long weights, bias, gates, h, c;
    if (!PyArg_ParseTuple(args, "nnnnnKKKKK", &steps, &rows, &width, &first, &last, &weights, &bias, &gates, &h, &c))
        return NULL;
    Window w = {steps, rows, width, .weights = AT(weights), .bias = AT(bias), .gates = AT(gates), .h = AT(h), .c = AT(c)};
    Py_BEGIN_ALLOW_THREADS
    all_forward(&w, first, last);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *py_back(PyObject *self, PyObject *args) {
    Py_ssize_t steps, rows, width, first, last;
    unsigned long long weights, gates, c, grad_h, grad_gates;
    if (!PyArg_ParseTuple(args, "nnnnnKKKKK", &steps, &rows, &width, &first, &last, &weights, &gates, &c, &grad_h,
                          &grad_gates))
        return NULL;
    Window w = {steps, rows, width, .weights = AT(weights), .gates = AT(gates), .c = AT(c), .grad_h = AT(grad_h),
                .grad_gates = AT(grad_gates)};
    float *next_grads = calloc(2 * (last - first) * width, sizeof(float)); /* of h, then of c */
    if (!next_grads) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    all_back(&w, first, last, next_grads, next_grads + (last - first) * width);
    Py_END_ALLOW_THREADS
    free(next_grads);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"forward", py_forward, METH_VARARGS, NULL}, {"back", py_back, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

/* Processors with AMX multiply bfloat16 in tiles, several times as fast. torch's own LSTM uses it. */
static int has_amx(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1);
}

#define SUITABLE (SUPPORTED && !has_amx())

#else

#define SUITABLE 0

static PyMethodDef functions[] = {{NULL, NULL, 0, NULL}};

#endif

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "kernel_bf16", .m_methods = functions};

PyMODINIT_FUNC PyInit_kernel_bf16(void) {
    PyObject *created = PyModule_Create(&module);
    if (created) PyModule_AddIntConstant(created, "supported", SUITABLE);
    return created;
}
