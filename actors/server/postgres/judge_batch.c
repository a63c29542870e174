/*  One attempt to decide a batch, stage by stage.  */

#include "actors/server/postgres/judge_parts.h"
#include "actors/server/postgres/judge_set.h"

#include <string.h>

/*  ---------------------------------------------------------------------------------- waves  */

/*  The next cases in which no row occurs twice; those before keep their order with them.  */
static void
begin_wave(judge_batch_t *self)
{
    judge_set_t rows = {0};
    self->wave = self->wave_end;
    while (self->wave_end < self->n_cases) {
        const judge_case_t *one = &self->cases[self->wave_end];
        if (one->table != NULL
            && !judge_set_add(&rows, (judge_pair_t){one->table->pg->name, one->key},
                              self->arena))
            break;
        self->wave_end++;
    }
}

static bool
has(const judge_batch_t *self, bool (*holds)(const judge_batch_t *, const judge_case_t *))
{
    for (size_t i = self->wave; i < self->wave_end; i++)
        if (holds(self, &self->cases[i]))
            return true;
    return false;
}

static bool
needs_look(const judge_batch_t *self, const judge_case_t *one)
{
    (void) self;
    return judge_needs_look(one);
}

/*  --------------------------------------------------------------------------------- stages  */

static err_t
ask(judge_batch_t *self, const char *sql, fault_t *fault)
{
    const err_t err = pg_send(self->pg, sql, fault, "");
    if (err == OK)
        judge_expect(self, NULL, JUDGE_NOBODY);
    return err;
}

static err_t
send_open(judge_batch_t *self, fault_t *fault)
{
    err_t err = ask(self, "BEGIN ISOLATION LEVEL REPEATABLE READ", fault);
    if (err == OK && model_has_deferrable(self->model))
        err = ask(self, "SET CONSTRAINTS ALL DEFERRED", fault);
    if (err == OK)
        err = judge_claim_send(self, fault);
    begin_wave(self);
    return err == OK ? judge_load_send(self, fault) : err;
}

static err_t
send_load(judge_batch_t *self, fault_t *fault)
{
    begin_wave(self);
    return judge_load_send(self, fault);
}

static err_t
send_look(judge_batch_t *self, fault_t *fault)
{
    return judge_look_send(self, judge_needs_look, fault);
}

static err_t
send_conclude(judge_batch_t *self, fault_t *fault)
{
    const err_t err = judge_conclude_send(self, fault);
    return err == OK ? ask(self, "COMMIT", fault) : err;
}

static judge_stage_t
after_wave(const judge_batch_t *self)
{
    return self->wave_end < self->n_cases ? STAGE_LOAD : STAGE_CONCLUDE;
}

static err_t
end_load(judge_batch_t *self, fault_t *fault)
{
    judge_seen_begin(self->seen);
    const err_t err = judge_decide(self, fault);
    judge_seen_end(self->seen);
    const bool writes = has(self, judge_is_to_write) || model_has_deferrable(self->model);
    self->stage = writes ? STAGE_WRITE : after_wave(self);
    return err;
}

static err_t
end_look(judge_batch_t *self, fault_t *fault)
{
    self->stage = after_wave(self);
    return judge_write_done(self, fault);
}

static err_t
end_write(judge_batch_t *self, fault_t *fault)
{
    if (!has(self, needs_look))
        return end_look(self, fault);
    self->stage = STAGE_LOOK;
    return OK;
}

static err_t
end_conclude(judge_batch_t *self, fault_t *fault)
{
    (void) fault;
    self->stage = STAGE_DONE;
    return OK;
}

static const struct {
    err_t (*send)(judge_batch_t *self, fault_t *fault);
    err_t (*end)(judge_batch_t *self, fault_t *fault);
} stages[] = {
    [STAGE_OPEN] = {send_open, end_load},
    [STAGE_LOAD] = {send_load, end_load},
    [STAGE_WRITE] = {judge_write_send, end_write},
    [STAGE_LOOK] = {send_look, end_look},
    [STAGE_CONCLUDE] = {send_conclude, end_conclude},
};

/*  ------------------------------------------------------------------------------ questions  */

void
judge_expect(judge_batch_t *self, judge_take_fn *take, size_t about)
{
    if (self->n_questions == self->questions_room) {
        self->questions_room = self->questions_room > 0 ? self->questions_room * 2 : 64;
        self->questions =
            mem_grow(self->questions, self->questions_room * sizeof *self->questions);
    }
    self->questions[self->n_questions++] = (judge_question_t){take, about};
}

static err_t
take(judge_batch_t *self, const judge_question_t *question, fault_t *fault)
{
    PGresult *result = NULL;
    err_t err = pg_take(self->pg, &result, fault);
    if (err == OK && question->take != NULL)
        err = question->take(self, result, question->about, fault);
    PQclear(result);
    if (err != OK)
        self->blamed = question->about;
    return err;
}

err_t
judge_batch_send(judge_batch_t *self, fault_t *fault)
{
    self->n_questions = self->n_taken = 0;
    err_t err = pg_pipeline_begin(self->pg, fault);
    if (err == OK)
        err = stages[self->stage].send(self, fault);
    return err == OK ? pg_pipeline_sync(self->pg, fault) : err;
}

err_t
judge_batch_take(judge_batch_t *self, bool wait, bool *complete, fault_t *fault)
{
    err_t err = OK;
    *complete = false;
    for (; err == OK && self->n_taken < self->n_questions; self->n_taken++) {
        if (!wait && !pg_is_answered(self->pg))
            return OK;
        err = take(self, &self->questions[self->n_taken], fault);
    }
    if (err == OK)
        err = pg_pipeline_end(self->pg, fault);
    *complete = err == OK;
    return err == OK ? stages[self->stage].end(self, fault) : err;
}

/*  -------------------------------------------------------------------------------- attempt  */

void
judge_batch_begin(judge_batch_t *self)
{
    const size_t kept = offsetof(judge_case_t, fresh);
    self->wave = self->wave_end = 0;
    self->stage = STAGE_OPEN;
    self->blamed = JUDGE_NOBODY;
    for (size_t i = 0; i < self->n_cases; i++) {
        memset((char *) &self->cases[i] + kept, 0, sizeof self->cases[i] - kept);
        *self->cases[i].verdict = (verdict_t){0};
    }
    for (size_t i = 0; i < self->n_locals; i++) {
        judge_local_t *local = &self->locals[i];
        local->err = local->mark;
        local->text = local->mark_text;
        local->guilty = local->mark_change;
        local->written = false;
    }
}

void
judge_batch_forget(judge_batch_t *self)
{
    for (size_t i = 0; i < self->n_cases; i++)
        *self->cases[i].verdict = (verdict_t){0};
}

/*  What cannot be taken back is gone with its connection.  */
void
judge_batch_undo(judge_batch_t *self)
{
    fault_t none = {0};
    PGconn *connection = pg_handle(self->pg);
    judge_batch_forget(self);
    err_t err = OK;
    if (pg_is_connected(self->pg) && PQpipelineStatus(connection) != PQ_PIPELINE_OFF)
        (void) !pg_pipeline_end(self->pg, &none);
    if (pg_is_connected(self->pg) && PQtransactionStatus(connection) != PQTRANS_IDLE)
        err = pg_run(self->pg, "ROLLBACK", NULL, &none, "");
    if (err != OK)
        pg_disconnect(self->pg);
}
