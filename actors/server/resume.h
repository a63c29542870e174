/*  resume - where a client may go on, and why it may not.  */

#pragma once

#include "actors/server/change_log.h"
#include "actors/server/registry.h"
#include "runtime/actor.h"
#include "schemas/message.h"

typedef struct resume {
    const char *phase;  /* snapshot, resync, catchup or live */
    const char *reason; /* of a resync */
    uint64_t lsn;       /* where the stream begins; 0: with a snapshot */
    bool older_copy;    /* the client has seen more of this very history than there is: our
                           database was replaced by an older copy (no cache: that is behind) */
} resume_t;

/*  Of a cache: ERR_RETRY_LATER, and the reason, where another server can serve that client, or
    this one later: it does not hold the whole database yet, or has not read as far as the
    client.  */
CHECKED err_t resume_check_cache(const log_head_t *head, const stream_open_t *request,
                                 fault_t *fault);
/*  Verdicts that a client got in another history have positions of that, which it forgets with
    it. So what was decided then must be in the snapshot of this one: ERR_RETRY_LATER until it
    is.  */
CHECKED err_t resume_check_decided(const log_head_t *head, ctx_t *ctx, registry_t *registry,
                                   const stream_open_t *request, fault_t *fault);
CHECKED err_t resume_decide(resume_t *self, db_t *db, const log_head_t *head,
                            const stream_open_t *request, fault_t *fault);

/*  The database is an older copy, and its positions will be given out again, to other changes:
    nobody may go on from where he stands.  */
CHECKED err_t resume_begin_another_history(ctx_t *ctx, const char *client_id, fault_t *fault);
