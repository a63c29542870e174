/*  The order of a local transaction. A trigger or a cascade at the client may have recorded a
    child before its parent; PostgreSQL looks at a foreign key at once, unless it was declared
    otherwise. So what broke a rule is tried once more with parents first.  */

#include "actors/server/postgres/judge_parts.h"
#include "actors/server/postgres/judge_set.h"

#include <stdlib.h>

/*  Each row once, and everything names one: then the order does not matter to anything else. */
static bool
may_be_ordered(const judge_batch_t *self, const judge_local_t *local)
{
    judge_set_t rows = {0};
    for (size_t i = local->first; i < local->first + local->n; i++) {
        const judge_case_t *one = &self->cases[i];
        if (one->table == NULL || one->misfit != OK
            || !judge_set_add(&rows, (judge_pair_t){one->table->pg->name, one->key},
                              self->arena))
            return false;
    }
    return local->n > 1;
}

/*  Tables stand parents first.  */
static int
by_parents(const void *a, const void *b)
{
    const judge_case_t *one = a;
    const judge_case_t *other = b;
    const bool gone = one->operation == OPERATION_DELETE;
    if (gone != (other->operation == OPERATION_DELETE))
        return gone ? 1 : -1;
    if (one->table != other->table)
        return (one->table < other->table) != gone ? -1 : 1;
    return one->change < other->change ? -1 : one->change > other->change;
}

static bool
is_in_order(const judge_case_t *cases, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (by_parents(&cases[i - 1], &cases[i]) > 0)
            return false;
    return true;
}

bool
judge_order(judge_batch_t *self, size_t number)
{
    const judge_local_t *local = &self->locals[number];
    judge_case_t *cases = &self->cases[local->first];
    if (!may_be_ordered(self, local) || is_in_order(cases, local->n))
        return false;
    qsort(cases, local->n, sizeof *cases, by_parents);
    return true;
}
