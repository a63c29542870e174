#include "actors/server/postgres/puts.h"

#include <stdlib.h>

enum { MOST_BYTES = 64 * 1024 }; /* kept back */

struct puts {
    db_t *db;
    put_plan_t plan;
    const value_t *rows[PUTS_AT_ONCE];
    size_t n, size;
    arena_t arena;
};

/*  -------------------------------------------------------------------------- writing  */

/*  A column that takes NULL now did not when its replica was made.  */
static err_t
refuse(err_t err, const fault_t *words, fault_t *fault)
{
    return fault_set(fault, err == ERR_RULE_VIOLATION ? ERR_GAP : err, "%s", words->text);
}

static err_t
run(puts_t *self, sqlite3_stmt *statement, const value_t *const *rows, size_t n, fault_t *fault)
{
    err_t err = OK;
    fault_t words = {0};
    int place = 0;
    sqlite3_reset(statement);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < self->plan.n; j++)
            if (bind_value(statement, ++place, &rows[i][j]) != SQLITE_OK)
                return db_error(self->db, fault, "a row of the cache");
    (void) db_step(self->db, statement, &err, &words);
    return err == OK ? OK : refuse(err, &words, fault);
}

err_t
puts_write(puts_t *self, fault_t *fault)
{
    err_t err = OK;
    if (self->n == PUTS_AT_ONCE)
        err = run(self, self->plan.many, self->rows, PUTS_AT_ONCE, fault);
    else
        for (size_t i = 0; err == OK && i < self->n; i++)
            err = run(self, self->plan.one, &self->rows[i], 1, fault);
    if (err == OK)
        puts_forget(self);
    return err;
}

/*  -------------------------------------------------------------------------- keeping  */

static size_t
size_of(const value_t *values, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i].kind == VALUE_TEXT || values[i].kind == VALUE_BLOB)
            size += values[i].bytes.size;
    return size;
}

static void
keep(puts_t *self, const value_t *values)
{
    value_t *kept = arena_new(&self->arena, self->plan.n * sizeof *kept);
    for (size_t i = 0; i < self->plan.n; i++) {
        kept[i] = values[i];
        if (values[i].kind == VALUE_TEXT || values[i].kind == VALUE_BLOB)
            kept[i].bytes = arena_bytes(&self->arena, values[i].bytes);
    }
    self->rows[self->n++] = kept;
}

/*  What is large is not kept back, so as not to be copied.  */
err_t
puts_add(puts_t *self, const put_plan_t *plan, const value_t *values, fault_t *fault)
{
    const size_t size = size_of(values, plan->n);
    const bool at_once = plan->many == NULL || size > MOST_BYTES;
    err_t err = OK;
    if (at_once || plan->one != self->plan.one || self->n == PUTS_AT_ONCE
        || self->size > MOST_BYTES)
        err = puts_write(self, fault);
    if (err != OK)
        return err;
    self->plan = *plan;
    if (at_once)
        return run(self, plan->one, &values, 1, fault);
    keep(self, values);
    self->size += size;
    return OK;
}

void
puts_forget(puts_t *self)
{
    self->n = self->size = 0;
    arena_clear(&self->arena);
}

/*  ------------------------------------------------------------------------------ life  */

puts_t *
puts_new(db_t *db)
{
    puts_t *self = mem_new(sizeof *self);
    self->db = db;
    return self;
}

void
puts_destroy(puts_t **self)
{
    if (*self == NULL)
        return;
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}
