#include "bus/ipc_client.h"

#include "bus/ipc_session.h"
#include "bus/rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { CLOSE_MS = 2000 };

/*  A question whose answer has not come.  */
typedef struct asked {
    struct asked *next;
    uint8_t id[16];
    uint64_t ask;
} asked_t;

struct ipc_client {
    ipc_session_t *session;
    asked_t *first, *last; /* questions */
    uint64_t n_asked;
    mail_t *mail; /* whose body the caller is reading */
    arena_t arena;
};

/*  ------------------------------------------------------------------------- life  */

static err_t
join(ipc_session_t *session, const char *run_dir, uint64_t until_ns, fault_t *fault)
{
    err_t err = OK;
    while (err == OK && !ipc_session_joined(session))
        err = ipc_session_pump(session, until_ns);
    if (err == OK)
        return OK;
    const char *farewell = ipc_session_farewell(session);
    if (*farewell != '\0')
        return fault_set(fault, ERR_OFFLINE, "the process at %s: %s", run_dir, farewell);
    return fault_set(fault, ERR_OFFLINE,
                     "nobody answers in run directory %s; start \"waybill agent\" or \"waybill "
                     "server\" there, or name another with --run-dir",
                     run_dir);
}

static uint64_t
until(int timeout_ms)
{
    if (timeout_ms < 0)
        return UINT64_MAX;
    return ipc_session_now_ns() + (uint64_t) timeout_ms * 1000000u;
}

err_t
ipc_client_open(const char *run_dir, const char *name, int timeout_ms, ipc_client_t **self,
                fault_t *fault)
{
    char endpoint[256];
    err_t err = rundir_endpoint(run_dir, "bus.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    if (!peer_name_valid(name, strlen(name)))
        return fault_set(fault, ERR_USAGE,
                         "name %.60s: 1 to %d letters, digits, -, _ or . are wanted", name,
                         PEER_NAME_ROOM);
    ipc_session_t *session = ipc_session_new(endpoint, name);
    if (session == NULL)
        return fault_set(fault, ERR_IO, "%s: no socket can be had", endpoint);
    err = join(session, run_dir, until(timeout_ms), fault);
    if (err != OK) {
        ipc_session_destroy(&session);
        return err;
    }
    *self = mem_new(sizeof **self);
    (*self)->session = session;
    return OK;
}

static void
forget_asked(ipc_client_t *self, asked_t *asked)
{
    asked_t *before = NULL;
    asked_t **at = &self->first;
    while (*at != asked) {
        before = *at;
        at = &before->next;
    }
    *at = asked->next;
    if (self->last == asked)
        self->last = before;
    free(asked);
}

void
ipc_client_destroy(ipc_client_t **self_p)
{
    ipc_client_t *self = *self_p;
    if (self == NULL)
        return;
    while (self->first != NULL)
        forget_asked(self, self->first);
    mail_destroy(&self->mail);
    arena_release(&self->arena);
    ipc_session_destroy(&self->session);
    free(self);
    *self_p = NULL;
}

void
ipc_client_close(ipc_client_t **self)
{
    if (*self == NULL)
        return;
    uint64_t until_ns = until(CLOSE_MS);
    err_t err = OK;
    while (err == OK && !ipc_session_all_done((*self)->session))
        err = ipc_session_pump((*self)->session, until_ns);
    ipc_client_destroy(self);
}

/*  ---------------------------------------------------------------------- sending  */

static err_t
wait_for_credit(ipc_client_t *self, uint64_t until_ns)
{
    err_t err = OK;
    while (err == OK && !ipc_session_may_send(self->session))
        err = ipc_session_pump(self->session, until_ns);
    return err;
}

err_t
ipc_client_await_credit(ipc_client_t *self, int timeout_ms)
{
    return wait_for_credit(self, until(timeout_ms));
}

static void
new_id(uint8_t id[16])
{
    uint64_t random[2] = {0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (getrandom(random, sizeof random, 0) < 0)
        random[0] = ipc_session_now_ns();
    uuid_v7(id, (uint64_t) now.tv_sec * 1000u + (uint64_t) now.tv_nsec / 1000000u, random[0],
            random[1]);
}

static err_t
submit(ipc_client_t *self, const char *to, message_id_t id, const void *body,
       envelope_t *envelope)
{
    if (strlen(to) > NAME_ROOM)
        return ERR_NO_ROUTE;
    const schema_t *schema = schema_of(id);
    buffer_t packed = {0};
    message_pack(id, body, &packed);
    blob_t *payload = blob_new(buffer_bytes(&packed));
    buffer_release(&packed);
    envelope->kind = schema->class == CLASS_REQUEST ? ENVELOPE_REQ : ENVELOPE_CAST;
    envelope->type = schema->name;
    envelope->hash = schema_hash(id);
    envelope->to = to;
    envelope->sent_ns = ipc_session_now_ns();
    new_id(envelope->id);
    memcpy(envelope->trace, envelope->id, sizeof envelope->trace);
    ipc_session_send(self->session, envelope, payload);
    blob_unref(&payload);
    return OK;
}

err_t
ipc_client_subscribe(ipc_client_t *self, const char *pattern)
{
    if (*pattern == '\0' || strlen(pattern) > NAME_ROOM)
        return ERR_USAGE;
    ipc_session_subscribe(self->session, pattern);
    return OK;
}

err_t
ipc_client_send(ipc_client_t *self, const char *to, message_id_t id, const void *body,
                int timeout_ms)
{
    err_t err = wait_for_credit(self, until(timeout_ms));
    if (err != OK)
        return err;
    envelope_t envelope = {0};
    return submit(self, to, id, body, &envelope);
}

static err_t
ask(ipc_client_t *self, const char *to, message_id_t id, const void *body, uint64_t until_ns)
{
    err_t err = wait_for_credit(self, until_ns);
    if (err != OK)
        return err;
    envelope_t envelope = {.deadline_ns = until_ns == UINT64_MAX ? 0 : until_ns};
    err = submit(self, to, id, body, &envelope);
    if (err != OK)
        return err;
    asked_t *asked = mem_new(sizeof *asked);
    memcpy(asked->id, envelope.id, sizeof asked->id);
    asked->ask = ++self->n_asked;
    if (self->first == NULL)
        self->first = asked;
    else
        self->last->next = asked;
    self->last = asked;
    return OK;
}

err_t /* NOLINTNEXTLINE(readability-function-size): a caller needs all six */
ipc_client_ask(ipc_client_t *self, const char *to, message_id_t id, const void *body,
               int timeout_ms, uint64_t *number)
{
    err_t err = ask(self, to, id, body, until(timeout_ms));
    if (err == OK)
        *number = self->n_asked;
    return err;
}

/*  -------------------------------------------------------------------- receiving  */

static asked_t *
find_asked(ipc_client_t *self, const uint8_t corr[16])
{
    asked_t *asked = self->first;
    while (asked != NULL && memcmp(asked->id, corr, sizeof asked->id) != 0)
        asked = asked->next;
    return asked;
}

/*  Takes that mail: its question is answered, its body unpacked.  */
static err_t
open_mail(ipc_client_t *self, mail_t *mail, ipc_heard_t *heard)
{
    const envelope_t *envelope = &mail->envelope;
    ipc_session_take(self->session, mail);
    mail_destroy(&self->mail);
    self->mail = mail;
    asked_t *asked = find_asked(self, envelope->corr);
    bool answer = envelope->kind == ENVELOPE_REP || envelope->kind == ENVELOPE_ERR;
    *heard = (ipc_heard_t){.id = message_named(envelope->type), .from = envelope->from};
    if (answer && asked != NULL) {
        heard->ask = asked->ask;
        forget_asked(self, asked);
    } else if (envelope->kind == ENVELOPE_REP) {
        return ERR_NOT_FOUND; /* too late: nobody waits for it */
    }
    if (heard->id == MSG_COUNT
        || (envelope->hash != 0 && envelope->hash != schema_hash(heard->id)))
        return ERR_UNKNOWN;
    arena_clear(&self->arena);
    void *body = arena_new(&self->arena, schema_of(heard->id)->size + 1);
    heard->body = body;
    return message_unpack(heard->id, (bytes_t){mail->payload->data, mail->payload->size},
                          &self->arena, body, NULL);
}

err_t
ipc_client_next(ipc_client_t *self, int timeout_ms, ipc_heard_t *heard)
{
    uint64_t until_ns = until(timeout_ms);
    for (;;) {
        mail_t *mail = ipc_session_mail(self->session);
        if (mail != NULL && open_mail(self, mail, heard) == OK)
            return OK;
        if (mail != NULL)
            continue; /* not for us, or from a build that speaks otherwise */
        err_t err = ipc_session_pump(self->session, until_ns);
        if (err != OK)
            return err;
    }
}

static mail_t *
find_answer(ipc_client_t *self, const uint8_t id[16])
{
    mail_t *mail = ipc_session_mail(self->session);
    while (mail != NULL && memcmp(mail->envelope.corr, id, sizeof mail->envelope.corr) != 0)
        mail = mail->next;
    return mail;
}

static err_t
await_answer(ipc_client_t *self, const asked_t *asked, uint64_t until_ns, mail_t **mail)
{
    err_t err = OK;
    while (err == OK && (*mail = find_answer(self, asked->id)) == NULL)
        err = ipc_session_pump(self->session, until_ns);
    return *mail != NULL ? OK : err;
}

static asked_t *
asked_as(const ipc_client_t *self, uint64_t number)
{
    asked_t *asked = self->first;
    while (asked != NULL && asked->ask != number)
        asked = asked->next;
    return asked;
}

err_t
ipc_client_answer(ipc_client_t *self, uint64_t number, int timeout_ms, ipc_heard_t *heard)
{
    mail_t *mail = NULL;
    const asked_t *asked = asked_as(self, number);
    if (asked == NULL)
        return ERR_NOT_FOUND;
    const err_t err = await_answer(self, asked, until(timeout_ms), &mail);
    return err == OK ? open_mail(self, mail, heard) : err;
}

void
ipc_client_forget(ipc_client_t *self, uint64_t number)
{
    asked_t *asked = asked_as(self, number);
    if (asked != NULL)
        forget_asked(self, asked);
}

static err_t
read_answer(ipc_client_t *self, mail_t *mail, ipc_heard_t *heard, fault_t *fault)
{
    bool refused = mail->envelope.kind == ENVELOPE_ERR;
    err_t err = open_mail(self, mail, heard);
    if (err != OK)
        return fault_set(fault, err, "the answer from %s: %s", mail->envelope.from,
                         err_text(err));
    if (!refused)
        return OK;
    if (heard->id != MSG_problem)
        return fault_set(fault, ERR_MALFORMED, "the answer from %s: %s", heard->from,
                         err_text(ERR_MALFORMED));
    const problem_t *problem = heard->body;
    err = err_named(problem->code);
    return fault_set(fault, err == ERR_COUNT || err == OK ? ERR_FAILED : err, "%s",
                     problem->message);
}

err_t /* NOLINTNEXTLINE(readability-function-size): as above */
ipc_client_request(ipc_client_t *self, const char *to, message_id_t id, const void *body,
                   int timeout_ms, message_id_t *answer, const void **answer_body,
                   fault_t *fault)
{
    uint64_t until_ns = until(timeout_ms);
    err_t err = ask(self, to, id, body, until_ns);
    if (err != OK)
        return fault_set(fault, err, "%s to %s: %s", schema_of(id)->name, to, err_text(err));
    asked_t *asked = self->last; /* lives until its answer is read */
    mail_t *mail = NULL;
    err = await_answer(self, asked, until_ns, &mail);
    if (err != OK) {
        forget_asked(self, asked);
        return fault_set(fault, err, "%s to %s: %s", schema_of(id)->name, to, err_text(err));
    }
    ipc_heard_t heard;
    err = read_answer(self, mail, &heard, fault);
    if (err != OK)
        return err;
    *answer = heard.id;
    *answer_body = heard.body;
    return OK;
}

int
ipc_client_fd(ipc_client_t *self)
{
    return ipc_session_fd(self->session);
}

bool
ipc_client_joined(const ipc_client_t *self)
{
    return ipc_session_joined(self->session);
}

uint64_t
ipc_client_joins(const ipc_client_t *self)
{
    return ipc_session_joins(self->session);
}
