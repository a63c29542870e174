/*  judge_parts - what the files of PostgreSQL's judge share; nobody else's.

    A batch is one transaction of PostgreSQL for local transactions of any clients. Its changes
    are worked on in waves: in a wave no row occurs twice. What is asked goes through the
   pipeline stage by stage, and a stage knows nothing of the connection but what it asks and
   takes:

        open      BEGIN, places in the ledger, the rows of the first wave
        load      the rows of a later wave
        write     labels, rows, versions
        look      what became of rows that nobody can be sure of
        conclude  what is not as the ledger has it, COMMIT  */

#pragma once

#include "actors/server/client_changes/decisions.h"
#include "actors/server/judge.h"
#include "actors/server/postgres/judge_model.h"
#include "actors/server/postgres/judge_seen.h"

/*  One change.  */
typedef struct judge_case {
    const client_change_t *change;
    verdict_t *verdict;
    const judged_t *item;
    size_t local;     /* its local transaction */
    bool repeated;    /* it stands in that transaction already */
    bool undecidable; /* its rules cannot be evaluated */

    /* what it names: judge_fit() */
    err_t misfit; /* OK: it fits */
    operation_t operation;
    const char *misfit_text;
    model_table_t *table; /* NULL: no key is known */
    const char *key;
    pg_parameter_t *key_values;

    /* What follows is of one attempt. */
    bool fresh;                     /* its place in the ledger is new */
    bool found, readable, writable; /* the row as it stands before */
    bool triggered;                 /* triggers of the application may write it once more */
    bool alike;   /* there is a row, but its key only compares alike: it is none */
    bool tried;   /* a statement was sent */
    bool written; /* and has found its row, or there was nothing to write */
    bool after_readable, after_writable;
    decision_t decision;

    const char *owner; /* the client it stands under in the ledger, if fresh */
    uint64_t lsn;

    bytes_t row; /* as it stands before */
    uint64_t xmin;
    const char *canonical; /* its key, where that is written otherwise; else NULL */
    version_t version;     /* as waybill.versions has it, then: the one that holds */
    uint64_t version_xid;
    version_t
        round; /* of the transaction that wrote it, if clients' changes were made in that */
    column_version_t *columns; /* as waybill.columns has them */
    size_t n_columns, columns_room;

    int64_t updated_at;
    bytes_t sent; /* to be written: what wins of the change */

    bytes_t after;         /* the row then; empty: there is none */
    const char *complaint; /* of its check */
} judge_case_t;

/*  One local transaction.  */
typedef struct judge_local {
    size_t item;     /* of the round */
    size_t first, n; /* cases, and changes of the item from begins on */
    size_t begins;
    err_t mark; /* it is to be rejected without being tried; OK: it is not */
    const char *mark_text;
    const client_change_t *mark_change; /* the guilty one */
    bool ordered; /* it was tried as recorded; and that would be its rejection: */
    fault_t first_fault;
    const client_change_t *first_change;
    err_t err; /* in this attempt: rejected */
    const char *text;
    const client_change_t *guilty;
    bool written; /* something of it, in this attempt */
} judge_local_t;

typedef struct judge_batch judge_batch_t;

#define ALIKE_TEXT "%s %s: to the database that is the key of another row"

/*  Something was asked, and this takes the answer. NULL: nobody wants it.  */
typedef err_t judge_take_fn(judge_batch_t *self, const PGresult *result, size_t about,
                            fault_t *fault);

enum { JUDGE_NOBODY = (size_t) -1 >> 1 }; /* no case is to blame */

typedef struct judge_question {
    judge_take_fn *take;
    size_t about; /* the case that it is about, or JUDGE_NOBODY */
} judge_question_t;

typedef enum judge_stage {
    STAGE_OPEN,
    STAGE_LOAD,
    STAGE_WRITE,
    STAGE_LOOK,
    STAGE_CONCLUDE,
    STAGE_DONE
} judge_stage_t;

struct judge_batch {
    pg_t *pg;
    model_t *model;
    judge_seen_t *seen;
    const settings_t *settings;
    arena_t *arena;
    int64_t wall_ms;
    judge_case_t *cases;
    size_t n_cases, cases_room;
    judge_local_t *locals;
    size_t n_locals, locals_room;
    bool careful;          /* rows are asked for one by one: a key does not fit its type */
    size_t wave, wave_end; /* its cases */
    judge_stage_t stage;
    judge_question_t *questions;
    size_t n_questions, n_taken, questions_room;
    size_t blamed; /* case whose question failed, or JUDGE_NOBODY */
};

/*  ------------------------------------------------------------------------ judge_batch  */

/*  One attempt: after judge_batch_begin(), send and take in turn until the stage is done. After
    an error self->blamed tells which case a question was about that failed, and what was done
    must be undone.  */
void judge_batch_begin(judge_batch_t *self);
CHECKED err_t judge_batch_send(judge_batch_t *self, fault_t *fault);
/*  The answers that are there, or all of them. *complete: the next stage may be sent.  */
CHECKED err_t judge_batch_take(judge_batch_t *self, bool wait, bool *complete, fault_t *fault);
void judge_batch_undo(judge_batch_t *self);
/*  Its verdicts are none.  */
void judge_batch_forget(judge_batch_t *self);
/*  After a statement was sent: who takes its answer.  */
void judge_expect(judge_batch_t *self, judge_take_fn *take, size_t about);

/*  -------------------------------------------------------------------------- judge_fit  */

/*  What a change names, as far as the tables alone can tell.  */
void judge_fit(judge_batch_t *self, judge_case_t *one);
/*  Does that row have the key, letter by letter?  */
bool judge_has_key(const judge_case_t *one, bytes_t row);

/*  ------------------------------------------------------------------------ judge_order  */

/*  Puts the cases of a local transaction into the order that foreign keys ask for. False: they
    are in it, or cannot be moved.  */
bool judge_order(judge_batch_t *self, size_t number);

/*  ------------------------------------------------------------------------- judge_load  */

CHECKED err_t judge_load_send(judge_batch_t *self, fault_t *fault);
/*  Asks about rows again, after they were written: those for which wanted is true.  */
CHECKED err_t judge_look_send(judge_batch_t *self, bool (*wanted)(const judge_case_t *),
                              fault_t *fault);

/*  ----------------------------------------------------------------------- judge_decide  */

/*  Fills in what is decided of the cases of the wave. An error blames a case whose local
    transaction has written in an earlier wave.  */
CHECKED err_t judge_decide(judge_batch_t *self, fault_t *fault);
/*  Rejects a case and its transaction. An error if that has written already.  */
CHECKED err_t judge_reject(judge_batch_t *self, judge_case_t *one, const fault_t *why,
                           fault_t *fault);
bool judge_is_to_write(const judge_batch_t *self, const judge_case_t *one);

/*  ------------------------------------------------------------------------ judge_write  */

CHECKED err_t judge_write_send(judge_batch_t *self, fault_t *fault);
bool judge_needs_look(const judge_case_t *one);
/*  Once nothing more is to be asked: verdicts of what was written.  */
CHECKED err_t judge_write_done(judge_batch_t *self, fault_t *fault);

/*  ---------------------------------------------------------------------- judge_versions  */

CHECKED err_t judge_labels_send(judge_batch_t *self, fault_t *fault);
CHECKED err_t judge_versions_send(judge_batch_t *self, fault_t *fault);

/*  ----------------------------------------------------------------------- judge_ledger  */

CHECKED err_t judge_claim_send(judge_batch_t *self, fault_t *fault);
CHECKED err_t judge_conclude_send(judge_batch_t *self, fault_t *fault);

/*  What may be told of a row.  */
void judge_attach(judge_batch_t *self, judge_case_t *one, bytes_t row, const bytes_t *sent);
