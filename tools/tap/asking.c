#include "tools/tap/asking.h"

#include "bus/rundir.h"
#include "tools/measure.h"
#include "tools/tap/filter.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ipc_client_t *
asking_try(const char *run_dir, fault_t *fault)
{
    char standard[PATH_MAX], name[NAME_ROOM];
    rundir_default(standard, sizeof standard);
    const char *where = run_dir ? run_dir : standard;
    (void) snprintf(name, sizeof name, "%s%ld", &TAP_NAME[sizeof "ipc/" - 1], (long) getpid());

    ipc_client_t *client = NULL;
    err_t err = ipc_client_open(where, name, JOIN_MS, &client, fault);
    if (err == ERR_OFFLINE || err == ERR_TIMEOUT)
        err = fault_set(fault, err,
                        "%s: no process answers there; name the run directory of a running "
                        "agent or server with --run-dir",
                        where);
    return err == OK ? client : NULL;
}

ipc_client_t *
asking_join(const char *run_dir)
{
    fault_t fault = {0};
    ipc_client_t *client = asking_try(run_dir, &fault);
    if (!client)
        complain("%s", fault.text);
    return client;
}

void
kept_release(kept_t *self)
{
    arena_release(&self->arena);
    buffer_release(&self->packed);
    self->body = NULL;
}

/*  What the client hands out lives until its next call only.  */
static err_t
keep(message_id_t id, const void *body, kept_t *into, fault_t *fault)
{
    arena_clear(&into->arena);
    buffer_clear(&into->packed);
    message_pack(id, body, &into->packed);
    into->body = arena_new(&into->arena, schema_of(id)->size);
    return message_unpack(id, buffer_bytes(&into->packed), &into->arena, into->body, fault);
}

err_t
asking_ask(ipc_client_t *client, const question_t *question, kept_t *into, fault_t *fault)
{
    message_id_t id = MSG_COUNT;
    const void *body = NULL;
    err_t err = ipc_client_request(client, "system", question->id, question->body, ANSWER_MS,
                                   &id, &body, fault);
    if (err == OK && id == question->answer)
        return keep(id, body, into, fault);
    if (err == OK)
        return fault_set(fault, ERR_PROTOCOL,
                         "%s: the process answered with %s; is it of another version?",
                         schema_of(question->id)->name, schema_of(id)->name);
    if (fault->text[0] == '\0')
        return fault_set(fault, err, "%s: %s", schema_of(question->id)->name, err_text(err));
    return err;
}

bool
asking_say(ipc_client_t *client, const question_t *question, kept_t *into)
{
    fault_t fault = {0};
    if (asking_ask(client, question, into, &fault) == OK)
        return true;
    complain("%s", fault.text);
    return false;
}

bool
asking_once(const char *run_dir, const question_t *question, kept_t *into)
{
    AUTO(ipc_client) client = asking_join(run_dir);
    return client && asking_say(client, question, into);
}

bool
asking_wait(ipc_client_t *client, uint64_t ms)
{
    ipc_heard_t heard = {0};
    for (uint64_t now = now_ns(), end = now + ms * 1000000; now < end; now = now_ns()) {
        uint64_t left = (end - now) / 1000000 + 1;
        err_t err = ipc_client_next(client, left < 60000 ? (int) left : 60000, &heard);
        if (err == ERR_OFFLINE)
            return complain("the process is gone"), false;
    }
    return true;
}
