/* What plays an int8 LSTM: steps for many rows, and draws at a temperature. Built once for every kind of vectors, by the
   file that defines them and includes this one; without them, on other processors, it is an empty module. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef SUPPORTED

/* The first of them defines what the others use. */
#include "kernel_step.h"

#include "kernel_draw.h"
#include "kernel_threads.h"

static void run_alone(const Step *s) {
    for (int64_t n = 0; n < s->phases; n++)
        for (int64_t block = 0; block < blocks_of(&s->phase[n]); block++) all_rows(s, &s->phase[n], block);
}

static void run(const Step *s) {
    for (int64_t n = 0; n < s->phases; n++) {
        const Phase *p = &s->phase[n];
        for (int64_t row = 0; p->h && row < s->rows; row++)
            memcpy(p->read + row * p->inputs + (n ? p->width : 0), p->h + row * p->width, p->width);
    }
    if (s->threads > 1 && pthread_mutex_trylock(&pool.in_use) == 0) {
        run_shared(s);
        pthread_mutex_unlock(&pool.in_use);
    } else
        run_alone(s);
}

/* Arrays come as buffers, which numpy hands over contiguous or not at all; the Step is kept at its address. */
#define STEP(where) ((Step *)(uintptr_t)(where))

static PyObject *py_step(PyObject *self, PyObject *args) {
    unsigned long long where;
    Py_buffer ids;
    if (!PyArg_ParseTuple(args, "Ky*", &where, &ids)) return NULL;
    Step *s = STEP(where);
    const int64_t *all = ids.buf;
    Py_ssize_t count = s->rows ? ids.len / 8 / s->rows : 0;
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
    unsigned long long where;
    Py_buffer uniforms, temperatures, ids, told;
    if (!PyArg_ParseTuple(args, "Ky*y*w*w*", &where, &uniforms, &temperatures, &ids, &told)) return NULL;
    Step *s = STEP(where);
    Phase *last = &s->phase[s->phases - 1];
    Py_ssize_t count = s->rows ? ids.len / 8 / s->rows : 0;
    double *room = malloc(3 * last->width * sizeof(double));
    if (room) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t n = 0; n < count; n++) {
            int64_t at = n * s->rows, *drawn = (int64_t *)ids.buf + at;
            draw(last->logits, s->rows, last->width, temperatures.buf, (double *)uniforms.buf + at, drawn,
                 (double *)told.buf + at, count * s->rows, room);
            s->ids = drawn;
            run(s);
        }
        Py_END_ALLOW_THREADS
        free(room);
    }
    PyBuffer_Release(&uniforms);
    PyBuffer_Release(&temperatures);
    PyBuffer_Release(&ids);
    PyBuffer_Release(&told);
    if (!room) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *py_sample(PyObject *self, PyObject *args) {
    Py_buffer shaped, uniforms, ids;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "y*y*w*n", &shaped, &uniforms, &ids, &count)) return NULL;
    double *room = malloc(count * sizeof(double));
    for (Py_ssize_t row = 0; room && row < ids.len / 8; row++)
        ((int64_t *)ids.buf)[row] =
            pick_row((double *)shaped.buf + row * count, count, ((double *)uniforms.buf)[row], room);
    PyBuffer_Release(&shaped);
    PyBuffer_Release(&uniforms);
    PyBuffer_Release(&ids);
    if (!room) return PyErr_NoMemory();
    free(room);
    Py_RETURN_NONE;
}

static PyObject *py_token_stats(PyObject *self, PyObject *args) {
    Py_buffer raw, shaped, ids, told;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "y*y*y*w*n", &raw, &shaped, &ids, &told, &count)) return NULL;
    double *room = malloc(count * sizeof(double));
    Py_ssize_t rows = ids.len / 8;
    for (Py_ssize_t row = 0, at = 0; room && row < rows; row++, at += count)
        describe_row((double *)raw.buf + at, (double *)shaped.buf + at, count, ((int64_t *)ids.buf)[row], room,
                     (double *)told.buf + row, rows);
    PyBuffer_Release(&raw);
    PyBuffer_Release(&shaped);
    PyBuffer_Release(&ids);
    PyBuffer_Release(&told);
    if (!room) return PyErr_NoMemory();
    free(room);
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

static PyMethodDef functions[] = {{NULL, NULL, 0, NULL}};

#endif

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "kernel", .m_methods = functions};

PyMODINIT_FUNC INITIALISE(void) {
    PyObject *made = PyModule_Create(&module);
    if (made) {
        PyModule_AddIntConstant(made, "supported", SUPPORTED);
        PyModule_AddIntConstant(made, "simd_width", LANES);
        PyModule_AddIntConstant(made, "max_threads", MAX_THREADS);
    }
    return made;
}
