#include "actors/server/gate.h"

#include "actors/settings.h"

#include <string.h>

enum { RECHECK_MS = 1800000, READ_AGAIN_MS = 1000 };

/*  Whoever asks whether we are alive need not say who they are.  */
static const char *const open_paths[] = {"/healthz"};

err_t
gate_open(gate_t *self, ctx_t *ctx, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    self->read_ms = ctx_now_ms(ctx);
    const err_t err = auth_open(settings, &self->auth, fault);
    if (err != OK || !auth_is_on(self->auth))
        return err;
    return registry_open(settings, REGISTRY_READS, &self->registry, fault);
}

void
gate_close(gate_t *self)
{
    auth_close(&self->auth);
    registry_close(&self->registry);
}

/*  ------------------------------------------------------------------------- tokens  */

static void
read_again(gate_t *self, ctx_t *ctx)
{
    auth_t *fresh = NULL;
    fault_t fault = {0};
    if (ctx_now_ms(ctx) - self->read_ms < READ_AGAIN_MS)
        return;
    self->read_ms = ctx_now_ms(ctx);
    if (auth_open(ctx_settings(ctx), &fresh, &fault) != OK) {
        ctx_log(ctx, LOG_error, "%s; what was read before stands", fault.text);
        return;
    }
    auth_close(&self->auth);
    self->auth = fresh;
}

static bool
judge(gate_t *self, ctx_t *ctx, const char *token, identity_t *identity, const char **why)
{
    if (auth_judge(self->auth, token, ctx_wall_ms(ctx), identity, why))
        return true;
    if (token[0] == '\0')
        return false;
    read_again(self, ctx);
    return auth_judge(self->auth, token, ctx_wall_ms(ctx), identity, why);
}

static bool
is_open_to_all(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(open_paths); i++)
        if (strcmp(open_paths[i], path) == 0)
            return true;
    return false;
}

bool
gate_admit(gate_t *self, ctx_t *ctx, const net_upgrade_t *upgrade, visitor_t *visitor,
           net_answer_t *answer)
{
    const char *why = "it makes no sense";
    if (!auth_is_on(self->auth) || is_open_to_all(upgrade->path))
        return true;
    if (upgrade_token(upgrade, visitor->token)
        && judge(self, ctx, visitor->token, &visitor->identity, &why))
        return true;
    ctx_log(ctx, LOG_warning, "%.64s, origin \"%.80s\": not let in to %.80s: its token: %s",
            upgrade->peer, upgrade->origin, upgrade->path, why);
    *answer = (net_answer_t){
        .status = 401,
        .body = "Unauthorized: show a valid token, as Authorization: Bearer TOKEN",
    };
    return false;
}

/*  ------------------------------------------------------------------------- clients  */

static err_t
check_owner(const gate_t *self, const visitor_t *visitor, fault_t *fault)
{
    const registry_class_t *class = self->registry->class;
    if (class->check == NULL)
        return OK; /* distributor will claim it */
    return class->check(self->registry, visitor->client_id, visitor->identity.user, fault);
}

bool
gate_check_owner(gate_t *self, ctx_t *ctx, const net_upgrade_t *upgrade,
                 const visitor_t *visitor, net_answer_t *answer)
{
    fault_t fault = {0};
    if (self->registry == NULL)
        return true;
    const err_t err = check_owner(self, visitor, &fault);
    ctx_log(ctx, err == OK ? LOG_info : LOG_warning,
            "%s: user %s from %.64s, origin \"%.80s\": %s", visitor->client_id,
            visitor->identity.user, upgrade->peer, upgrade->origin,
            err == OK ? "let in" : fault.text);
    if (err == ERR_PERMISSION_DENIED)
        *answer = (net_answer_t){.status = 403,
                                 .body = "Forbidden: this client id belongs to another user"};
    else if (err != OK)
        *answer = (net_answer_t){.status = 503, .body = "The server has trouble: try again"};
    return err == OK;
}

/*  ------------------------------------------------------------------------ sessions  */

void
gate_watch(const gate_t *self, ctx_t *ctx, const session_t *session)
{
    const int64_t expires_ms = session->visitor.identity.expires_ms;
    const int64_t left_ms = expires_ms - ctx_wall_ms(ctx);
    if (!auth_is_on(self->auth))
        return;
    if (expires_ms == 0 || left_ms > RECHECK_MS)
        ctx_after(ctx, session_timer(session, TIMER_RECHECK), RECHECK_MS);
    else
        ctx_after(ctx, session_timer(session, TIMER_RECHECK),
                  left_ms > 0 ? (uint64_t) left_ms : 1);
}

void
gate_recheck(gate_t *self, ctx_t *ctx, session_t *session)
{
    identity_t identity;
    const char *why = "it belongs to another user now";
    visitor_t *visitor = &session->visitor;
    read_again(self, ctx);
    if (auth_judge(self->auth, visitor->token, ctx_wall_ms(ctx), &identity, &why)
        && strcmp(identity.user, visitor->identity.user) == 0) {
        gate_watch(self, ctx, session);
        return;
    }
    ctx_log(ctx, LOG_info, "%s: user %s: its connection ends: its token: %s",
            visitor->client_id, visitor->identity.user, why);
    session_close(session, ctx, 1008, "The token is not valid any more");
}
