/*  outsider - a test, outside of the simulator, starts nodes in it and awaits their answers. */

#pragma once

#include "runtime/sim.h"
#include "schemas/codec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SOON_MS = 60000 };

static inline void
start_node(sim_t *sim, int node)
{
    fault_t fault = {0};
    if (sim_start(sim, node, &fault) != OK)
        fail_msg("%s", fault.text);
}

/*  One node, started, of the classes that the list names.  */
static inline sim_t *
start_alone(uint64_t seed, const sim_faults_t *faults, const actor_class_t *const *classes)
{
    sim_t *sim = sim_new(seed, faults);
    const int node = sim_node(sim, "node", NULL, NULL);
    for (; *classes; classes++)
        sim_add(sim, node, *classes);
    start_node(sim, node);
    return sim;
}

/*  ----------------------------------------------------------------------------- answers  */

typedef struct awaited {
    sim_t *sim;
    int node;
    uint64_t ask;
    sim_heard_t *heard;
} awaited_t;

static inline bool
is_answered(void *arg)
{
    const awaited_t *awaited = arg;
    while (sim_take(awaited->sim, awaited->node, awaited->heard))
        if (awaited->heard->ask == awaited->ask)
            return true;
    return false;
}

/*  The body of the answer, which must be of that type, until the next question.  */
static inline const void *
await_answer(sim_t *sim, int node, uint64_t ask, message_id_t expected, sim_heard_t *heard)
{
    awaited_t awaited = {sim, node, ask, heard};
    assert_true(sim_until(sim, is_answered, &awaited, SOON_MS));
    if (heard->id == MSG_problem && expected != MSG_problem)
        fail_msg("%s", ((const problem_t *) heard->body)->message);
    assert_string_equal(schema_of(heard->id)->name, schema_of(expected)->name);
    return heard->body;
}

/*  For a test whose ask(world, ...) asks and awaits the answer.  */
#define ASK(world, to, question, answer, ...)                                                  \
    ((const answer##_t *) ask(world, to, MSG_##question, &(question##_t){__VA_ARGS__},         \
                              MSG_##answer))
