#include "actors/server/resume.h"

#include "actors/server/rules_change.h"

#include <string.h>

/*  Who stands before them cannot go on.  */
typedef struct limits {
    uint64_t floor; /* of the history */
    uint64_t rules; /* that are in force since */
} limits_t;

static const char *
reason_to_resync(const log_head_t *head, const limits_t *limits, const stream_open_t *request)
{
    const bool epoch_known = request->epoch != NULL && request->epoch[0] != '\0';
    if (epoch_known && strcmp(request->epoch, head->epoch) != 0)
        return "epoch_changed";
    if (request->lsn > head->lsn)
        return "client_ahead";
    if (request->lsn < limits->floor)
        return "history_truncated";
    if (request->lsn < limits->rules)
        return "permissions_changed";
    return NULL;
}

err_t
resume_decide(resume_t *self, db_t *db, const log_head_t *head, const stream_open_t *request,
              fault_t *fault)
{
    limits_t limits = {0};
    err_t err = change_log_floor(db, &limits.floor, fault);
    if (err == OK)
        err = rules_since(db, &limits.rules, fault);
    *self = (resume_t){.phase = "snapshot"};
    if (err != OK || request->lsn == 0)
        return err;
    const bool same_epoch = request->epoch && strcmp(request->epoch, head->epoch) == 0;
    self->older_copy = same_epoch && request->lsn > head->lsn;
    self->reason = reason_to_resync(head, &limits, request);
    self->phase = self->reason ? "resync" : request->lsn < head->lsn ? "catchup" : "live";
    self->lsn = self->reason ? 0 : request->lsn;
    return OK;
}
