#include "actors/server/resume.h"

#include "actors/server/rules_change.h"
#include "actors/settings.h"

#include <string.h>

/*  Who stands before them cannot go on.  */
typedef struct limits {
    uint64_t floor; /* of the history */
    uint64_t rules; /* that are in force since */
} limits_t;

static bool
is_of_this_history(const log_head_t *head, const stream_open_t *request)
{
    return request->epoch && strcmp(request->epoch, head->epoch) == 0;
}

err_t
resume_check_cache(const log_head_t *head, const stream_open_t *request, fault_t *fault)
{
    if (head->dense)
        return fault_set(fault, ERR_RETRY_LATER, "this server is still reading its database");
    if (is_of_this_history(head, request) && request->lsn > head->captured)
        return fault_set(fault, ERR_RETRY_LATER,
                         "this server has not read as far as this client has, from another");
    return OK;
}

err_t
resume_check_decided(const log_head_t *head, ctx_t *ctx, registry_t *registry,
                     const stream_open_t *request, fault_t *fault)
{
    const registry_class_t *class = registry->class;
    uint64_t decided = 0;
    if (class->place == NULL || request->epoch == NULL || request->epoch[0] == '\0'
        || is_of_this_history(head, request))
        return OK;
    const err_t err =
        class->place(registry, request->client_id, ctx_wall_ms(ctx), &decided, fault);
    if (err != OK || decided <= head->captured)
        return err;
    SEND(ctx, "replicator", committed, .lsn = decided);
    return fault_set(fault, ERR_RETRY_LATER,
                     "this server is still reading what was written last");
}

static const char *
reason_to_resync(const log_head_t *head, const limits_t *limits, const stream_open_t *request)
{
    const bool epoch_known = request->epoch != NULL && request->epoch[0] != '\0';
    if (epoch_known && strcmp(request->epoch, head->epoch) != 0)
        return "epoch_changed";
    if (request->lsn > head->captured)
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
    self->older_copy = is_of_this_history(head, request) && request->lsn > head->captured;
    self->reason = reason_to_resync(head, &limits, request);
    self->phase = self->reason ? "resync" : request->lsn < head->lsn ? "catchup" : "live";
    self->lsn = self->reason ? 0 : request->lsn;
    return OK;
}

err_t
resume_begin_another_history(ctx_t *ctx, const char *client_id, fault_t *fault)
{
    char epoch[UUID_TEXT];
    db_t *writer = NULL;
    ctx_log(ctx, LOG_warning, "%s has seen more than there is: an older copy", client_id);
    ctx_uuid(ctx, epoch);
    err_t err = db_open(settings_server_file(ctx_settings(ctx)), false, &writer, fault);
    if (err == OK)
        err = change_log_rename(writer, epoch, fault);
    db_close(&writer);
    return err;
}
