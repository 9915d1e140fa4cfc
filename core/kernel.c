/* What plays an int8 LSTM on x86-64 with AVX-512 VNNI: steps for many rows, and draws at a temperature. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdlib.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)

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

#define MOST MOST_THREADS

static int supported(void) { return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512dq"); }

#define AT(type, address) ((type *)(uintptr_t)(address))

static PyObject *py_step(PyObject *self, PyObject *args) {
    unsigned long long where, ids;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "KKn", &where, &ids, &count)) return NULL;
    Step *s = AT(Step, where);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t n = 0; n < count; n++) {
        s->ids = AT(int64_t, ids) + n * s->rows;
        run(s);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *py_write(PyObject *self, PyObject *args) {
    unsigned long long where, uniforms, temperatures, ids, told;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "KKKKKn", &where, &uniforms, &temperatures, &ids, &told, &count)) return NULL;
    Step *s = AT(Step, where);
    Phase *last = &s->phase[s->phases - 1];
    double *room = malloc(3 * last->width * sizeof(double));
    if (!room) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t n = 0; n < count; n++) {
        int64_t *drawn = AT(int64_t, ids) + n * s->rows;
        draw(last->logits, s->rows, last->width, AT(double, temperatures), AT(double, uniforms) + n * s->rows, drawn,
             AT(double, told) + n * s->rows, count * s->rows, room);
        s->ids = drawn;
        run(s);
    }
    Py_END_ALLOW_THREADS
    free(room);
    Py_RETURN_NONE;
}

static PyObject *py_pick(PyObject *self, PyObject *args) {
    unsigned long long shaped, uniforms, ids;
    Py_ssize_t rows, count;
    if (!PyArg_ParseTuple(args, "KKKnn", &shaped, &uniforms, &ids, &rows, &count)) return NULL;
    double *room = malloc(count * sizeof(double));
    if (!room) return PyErr_NoMemory();
    for (Py_ssize_t row = 0; row < rows; row++)
        AT(int64_t, ids)[row] = pick_row(AT(double, shaped) + row * count, count, AT(double, uniforms)[row], room);
    free(room);
    Py_RETURN_NONE;
}

static PyObject *py_describe(PyObject *self, PyObject *args) {
    unsigned long long raw, shaped, ids, told;
    Py_ssize_t rows, count;
    if (!PyArg_ParseTuple(args, "KKKKnn", &raw, &shaped, &ids, &told, &rows, &count)) return NULL;
    double *room = malloc(count * sizeof(double));
    if (!room) return PyErr_NoMemory();
    for (Py_ssize_t row = 0, at = 0; row < rows; row++, at += count)
        describe_row(AT(double, raw) + at, AT(double, shaped) + at, count, AT(int64_t, ids)[row], room,
                     AT(double, told) + row, rows);
    free(room);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"step", py_step, METH_VARARGS, NULL},
    {"write", py_write, METH_VARARGS, NULL},
    {"pick", py_pick, METH_VARARGS, NULL},
    {"describe", py_describe, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

#else

#define MOST 1

static int supported(void) { return 0; }

static PyMethodDef functions[] = {{NULL, NULL, 0, NULL}};

#endif

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "kernel", .m_methods = functions};

PyMODINIT_FUNC PyInit_kernel(void) {
    PyObject *made = PyModule_Create(&module);
    if (made) {
        PyModule_AddIntConstant(made, "supported", supported());
        PyModule_AddIntConstant(made, "most_threads", MOST);
    }
    return made;
}
