#include "actors/common/monitor/wishes.h"

#include "actors/common/monitor/records.h"
#include "schemas/codec.h"

#include <stdio.h>
#include <string.h>

typedef struct asker {
    ctx_t *ctx;
    watcher_t *watcher;
    uint64_t ask;
} asker_t;

static void
refuse(const asker_t *asker, err_t err, const char *text)
{
    asking_answer_not(asker->ctx, asker->watcher, asker->ask,
                      &(failure_t){.err = err, .text = text});
}

/*  What becomes of refused changes is up to who looks at them: recorder says whether it is
    done.  */
static void
act(monitor_t *self, const asker_t *asker, const monitor_ask_t *ask)
{
    const act_t question = {
        .act = ask->act ? ask->act : "",
        .ids = ask->ids,
        .n_ids = ask->n_ids,
        .reason = ask->reason,
    };
    const err_t err = asking_begin(self, asker->ctx,
                                   &(wish_t){.view = &view_act,
                                             .whose = FOR_ANSWER,
                                             .conn = asker->watcher->conn,
                                             .ask = asker->ask,
                                             .question = &question});
    if (err == ERR_REFUSED)
        refuse(asker, err, "a server has no changes of its own: look at an agent's page");
    else if (err != OK)
        refuse(asker, err, "too much is asked at a time: try again");
}

/*  Whether a command may go to the agent's service now.  */
static bool
can_command(const monitor_t *self, const asker_t *asker)
{
    if (self->role != ROLE_agent)
        refuse(asker, ERR_REFUSED, "only an agent connects to a server");
    else if (ctx_credit(asker->ctx, "service") == 0)
        refuse(asker, ERR_BUSY, "too much is asked at a time: try again");
    else
        return true;
    return false;
}

static void
pause_agent(monitor_t *self, const asker_t *asker, const monitor_ask_t *ask)
{
    const bool reason = ask->reason && ask->reason[0] != '\0';
    if (!can_command(self, asker))
        return;
    SEND(asker->ctx, "service", disconnect,
         .reason = reason ? ask->reason : "paused on the monitor page");
    asking_answer(asker->ctx, asker->watcher, asker->ask, "");
}

static void
resume_agent(monitor_t *self, const asker_t *asker, const monitor_ask_t *ask)
{
    (void) ask;
    if (!can_command(self, asker))
        return;
    SEND(asker->ctx, "service", connect);
    asking_answer(asker->ctx, asker->watcher, asker->ask, "");
}

static void
follow(monitor_t *self, const asker_t *asker, const monitor_ask_t *ask)
{
    watcher_t *watcher = asker->watcher;
    (void) snprintf(watcher->type, sizeof watcher->type, "%s", ask->type ? ask->type : "");
    (void) snprintf(watcher->actor, sizeof watcher->actor, "%s", ask->actor ? ask->actor : "");
    watcher->follows = true;
    if (records_follow(self, asker->ctx) == OK) {
        asking_answer(asker->ctx, watcher, asker->ask, "");
        return;
    }
    watcher->follows = false;
    refuse(asker, ERR_NOT_FOUND, "the messages of this process cannot be watched");
}

static void
unfollow(monitor_t *self, const asker_t *asker, const monitor_ask_t *ask)
{
    (void) ask;
    asker->watcher->follows = false;
    (void) !records_follow(self, asker->ctx);
    asking_answer(asker->ctx, asker->watcher, asker->ask, "");
}

static const struct {
    const char *name;
    void (*grant)(monitor_t *self, const asker_t *asker, const monitor_ask_t *ask);
} wishes[] = {
    {"act", act},       {"pause", pause_agent}, {"resume", resume_agent},
    {"follow", follow}, {"unfollow", unfollow},
};

static err_t
read_frame(ctx_t *ctx, bytes_t frame, monitor_ask_t *ask, fault_t *fault)
{
    buffer_t packed = {0};
    err_t err = json_to_msgpack((const char *) frame.data, frame.size, &packed, fault);
    if (err == OK) {
        const bytes_t kept = arena_bytes(ctx_arena(ctx), buffer_bytes(&packed));
        err = message_unpack(MSG_monitor_ask, kept, ctx_arena(ctx), ask, fault);
    }
    buffer_release(&packed);
    return err;
}

void
wishes_take(monitor_t *self, ctx_t *ctx, watcher_t *watcher, bytes_t frame)
{
    fault_t fault = {0};
    monitor_ask_t ask = {0};
    asker_t asker = {.ctx = ctx, .watcher = watcher};
    if (read_frame(ctx, frame, &ask, &fault) != OK) {
        refuse(&asker, ERR_MALFORMED, fault.text);
        return;
    }
    asker.ask = ask.ask;
    for (size_t i = 0; i < COUNT_OF(wishes); i++)
        if (strcmp(wishes[i].name, ask.wish) == 0) {
            wishes[i].grant(self, &asker, &ask);
            return;
        }
    refuse(&asker, ERR_USAGE, "do: it must be act, pause, resume, follow or unfollow");
}
