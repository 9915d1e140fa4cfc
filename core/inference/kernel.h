/* Steps an int8 LSTM, many rows at once, and draws at a temperature. Built once for each vector width, by the file that
   defines the vectors and includes this one. On other processors it is an empty module. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>

#define INTERFACE 3 /* changes with the structs and functions that kernel_backend.py and sampler.py use, as in kernel.py */

#ifdef SUPPORTED

/* Must come first: the next two use its definitions. */
#include "kernel_step.h"

#include "kernel_draw.h"
#include "kernel_threads.h"

static void run_single(const Step *s) {
    for (int64_t n = 0; n < s->phases; n++)
        for (int64_t block = 0; block < blocks_of(&s->phase[n]); block++) compute_block(s, &s->phase[n], block);
}

/* Reads one token per row. First copies the tokens' embeddings, and each layer's h, into the part of the input that their
   weights read. Then computes all phases on the pool, or on this thread alone if the pool is busy or the step has one
   thread. */
static void run(const Step *s) {
    for (int64_t n = 0; n < s->phases; n++) {
        const Phase *p = &s->phase[n];
        for (int64_t row = 0; row < s->rows; row++)
            if (p->embedding) memcpy(p->input + row * p->inputs, p->embedding + s->ids[row] * p->inputs, p->inputs);
            else if (p->h) memcpy(p->input + row * p->inputs + p->below, p->h + row * p->width, p->width);
    }
    if (s->threads > 1 && pthread_mutex_trylock(&pool.busy) == 0) {
        run_shared(s);
        pthread_mutex_unlock(&pool.busy);
    } else
        run_single(s);
}

/* Arrays are passed as buffers, which numpy exports only if they are contiguous; the Step by its address. */
#define STEP(address) ((Step *)(uintptr_t)(address))

static const Phase *last_phase(const Step *s) { return &s->phase[s->phases - 1]; }

/* Returns the number of ids before the first that is not from 0 to tokens - 1. */
static Py_ssize_t count_right_ids(const int64_t *ids, Py_ssize_t count, int64_t tokens) {
    Py_ssize_t n = 0;
    while (n < count && ids[n] >= 0 && ids[n] < tokens) n++;
    return n;
}

/* Returns the first id that is no token, having read none of them, or None. */
static PyObject *py_step(PyObject *self, PyObject *args) {
    unsigned long long address;
    Py_buffer ids;
    if (!PyArg_ParseTuple(args, "Ky*", &address, &ids)) return NULL;
    Step *s = STEP(address);
    const int64_t *all = ids.buf;
    Py_ssize_t count = s->rows ? ids.len / 8 / s->rows : 0, right = count_right_ids(all, ids.len / 8, last_phase(s)->width);
    if (right < ids.len / 8) {
        PyObject *wrong = PyLong_FromLongLong(all[right]);
        PyBuffer_Release(&ids);
        return wrong;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t n = 0; n < count; n++) {
        s->ids = all + n * s->rows;
        run(s);
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&ids);
    Py_RETURN_NONE;
}

static PyObject *py_generate(PyObject *self, PyObject *args) {
    unsigned long long address;
    Py_buffer uniforms, temperatures, ids, stats;
    if (!PyArg_ParseTuple(args, "Ky*y*w*w*", &address, &uniforms, &temperatures, &ids, &stats)) return NULL;
    Step *s = STEP(address);
    const Phase *last = last_phase(s);
    Py_ssize_t count = s->rows ? ids.len / 8 / s->rows : 0;
    double *scratch = malloc(3 * last->width * sizeof(double));
    if (scratch) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t n = 0; n < count; n++) {
            int64_t offset = n * s->rows, *drawn = (int64_t *)ids.buf + offset;
            draw(last->output, s->rows, last->width, temperatures.buf, (double *)uniforms.buf + offset, drawn,
                 (double *)stats.buf + offset, count * s->rows, scratch);
            s->ids = drawn;
            run(s);
        }
        Py_END_ALLOW_THREADS
        free(scratch);
    }
    PyBuffer_Release(&uniforms);
    PyBuffer_Release(&temperatures);
    PyBuffer_Release(&ids);
    PyBuffer_Release(&stats);
    if (!scratch) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *py_sample(PyObject *self, PyObject *args) {
    Py_buffer shaped, uniforms, ids;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "y*y*w*n", &shaped, &uniforms, &ids, &count)) return NULL;
    double *scratch = malloc(count * sizeof(double));
    for (Py_ssize_t row = 0; scratch && row < ids.len / 8; row++)
        ((int64_t *)ids.buf)[row] =
            sample_row((double *)shaped.buf + row * count, count, ((double *)uniforms.buf)[row], scratch);
    PyBuffer_Release(&shaped);
    PyBuffer_Release(&uniforms);
    PyBuffer_Release(&ids);
    if (!scratch) return PyErr_NoMemory();
    free(scratch);
    Py_RETURN_NONE;
}

static PyObject *py_token_stats(PyObject *self, PyObject *args) {
    Py_buffer raw, shaped, ids, stats;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "y*y*y*w*n", &raw, &shaped, &ids, &stats, &count)) return NULL;
    double *scratch = malloc(count * sizeof(double));
    Py_ssize_t rows = ids.len / 8;
    for (Py_ssize_t row = 0, offset = 0; scratch && row < rows; row++, offset += count)
        compute_row_stats((double *)raw.buf + offset, (double *)shaped.buf + offset, count, ((int64_t *)ids.buf)[row],
                          scratch, (double *)stats.buf + row, rows);
    PyBuffer_Release(&raw);
    PyBuffer_Release(&shaped);
    PyBuffer_Release(&ids);
    PyBuffer_Release(&stats);
    if (!scratch) return PyErr_NoMemory();
    free(scratch);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"step", py_step, METH_VARARGS, NULL},
    {"generate", py_generate, METH_VARARGS, NULL},
    {"sample", py_sample, METH_VARARGS, NULL},
    {"token_stats", py_token_stats, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

#else

#define SUPPORTED 0
#define LANES 1
#define MAX_THREADS 1
#define MAX_PHASES 0

static PyMethodDef functions[] = {{NULL, NULL, 0, NULL}};

#endif

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "kernel", .m_methods = functions};

PyMODINIT_FUNC MODULE_INIT(void) {
    PyObject *result = PyModule_Create(&module);
    if (result) {
        PyModule_AddIntConstant(result, "interface", INTERFACE);
        PyModule_AddIntConstant(result, "supported", SUPPORTED);
        PyModule_AddIntConstant(result, "simd_width", LANES);
        PyModule_AddIntConstant(result, "max_threads", MAX_THREADS);
        PyModule_AddIntConstant(result, "max_phases", MAX_PHASES);
    }
    return result;
}
