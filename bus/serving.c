#include "bus/serving.h"

#include "bus/intake.h"
#include "bus/members.h"

#include <stdio.h>
#include <string.h>

/*  NULL: it is gone by now.  */
static bytes_t
bytes_of(const blob_t *blob)
{
    return blob != NULL ? (bytes_t){blob->data, blob->size} : (bytes_t){0};
}

static peer_t *
find_peer(gateway_t *self, const char *address)
{
    bool joined = strncmp(address, "ipc/", strlen("ipc/")) == 0;
    return joined ? members_find(self, address + strlen("ipc/")) : NULL;
}

void
serving_deliver(gateway_t *self, envelope_t *answer, blob_t *payload)
{
    peer_t *peer = find_peer(self, answer->to);
    if (peer != NULL)
        peer_answer(peer, answer, payload);
    else if (strncmp(answer->to, "ipc/", strlen("ipc/")) == 0)
        gateway_bury(self, answer, bytes_of(payload), ERR_NO_ROUTE);
    else /* to an actor that is gone: the port has counted it */
        (void) port_send(self->port, answer, payload, NULL);
}

/*  A peer that sent it is told that it is handled, one way or the other.  */
static void
settle_sender(gateway_t *self, const envelope_t *envelope)
{
    peer_t *sender = find_peer(self, envelope->from);
    if (sender != NULL)
        peer_on_handled(sender, envelope->id);
}

static void
answer_error(gateway_t *self, const envelope_t *request, err_t why)
{
    fault_t fault;
    fault_set(&fault, why, "%s to %s: %s", request->type, request->to, err_text(why));
    envelope_t answer;
    blob_t *payload = members_pack_error(request->to, request, &fault, &answer);
    answer.to = request->from;
    serving_deliver(self, &answer, payload);
    blob_unref(&payload);
}

static void
refuse(gateway_t *self, const envelope_t *envelope, const blob_t *payload, err_t why)
{
    settle_sender(self, envelope);
    if (envelope->kind == ENVELOPE_REQ)
        answer_error(self, envelope, why);
    else
        gateway_bury(self, envelope, bytes_of(payload), why);
}

static void
refuse_task(gateway_t *self, task_t *task, err_t why)
{
    refuse(self, &task->envelope, task->payload, why);
    task_destroy(&task);
}

/*  ------------------------------------------------------------------- to the peer  */

static bool
is_expired(const task_t *task, uint64_t now_ns)
{
    return task->envelope.deadline_ns != 0 && now_ns > task->envelope.deadline_ns;
}

/*  Whoever asked has given up by itself.  */
static void
expire(gateway_t *self, peer_t *peer, task_t *task)
{
    settle_sender(self, &task->envelope);
    gateway_bury(self, &task->envelope, bytes_of(task->payload), ERR_EXPIRED);
    tasks_drop(&peer->tasks, task);
}

static void
hand_over(peer_t *peer, task_t *task)
{
    envelope_t draft = task->envelope;
    ipc_link_send(&peer->link, &draft, task->payload);
    task->seq = draft.seq;
}

void
serving_pump(gateway_t *self, peer_t *peer)
{
    task_t *task;
    while (peer->attached && peer->link.n_tasks < TASKS_AHEAD
           && (task = tasks_first_waiting(&peer->tasks)) != NULL) {
        if (is_expired(task, gateway_now_ns(self)))
            expire(self, peer, task);
        else
            hand_over(peer, task);
    }
}

void
serving_accept(gateway_t *self, const envelope_t *envelope, blob_t *payload)
{
    peer_t *peer = find_peer(self, envelope->to);
    if (peer == NULL) {
        refuse(self, envelope, payload, ERR_NO_ROUTE);
    } else if (!type_list_has(&peer->takes, envelope->type)) {
        refuse(self, envelope, payload, ERR_UNKNOWN);
    } else if (!tasks_have_room(&peer->tasks, payload->size)) {
        refuse(self, envelope, payload, ERR_OVERFLOW);
    } else {
        envelope_t draft = *envelope;
        draft.flags &= FLAG_REDELIVERED | FLAG_NO_TAP;
        tasks_add(&peer->tasks, &draft, payload);
        serving_pump(self, peer);
    }
}

/*  ----------------------------------------------------------------- from the peer  */

static void
on_handled(gateway_t *self, peer_t *peer, task_t *task)
{
    settle_sender(self, &task->envelope);
    if (task->envelope.kind == ENVELOPE_REQ)
        tasks_mark_handled(&peer->tasks, task);
    else
        tasks_drop(&peer->tasks, task);
}

void
serving_on_credit(gateway_t *self, peer_t *peer)
{
    for (task_t *task = peer->tasks.first, *next; task != NULL; task = next) {
        next = task->next;
        if (task->seq > 0 && task->seq <= peer->link.acked && !task->handled)
            on_handled(self, peer, task);
    }
    serving_pump(self, peer);
}

err_t
serving_on_answer(gateway_t *self, peer_t *peer, const envelope_t *envelope, bytes_t payload,
                  fault_t *fault)
{
    task_t *task = tasks_find_request(&peer->tasks, envelope->corr);
    if (task == NULL)
        return fault_set(fault, ERR_NOT_FOUND,
                         "field corr: no request of that id waits for an answer of %s",
                         peer->address);
    envelope_t answer;
    err_t err = intake_check_answer(envelope, payload, &answer, fault);
    if (err == OK) {
        blob_t *blob = blob_new(payload);
        answer.from = peer->address;
        answer.to = task->envelope.from;
        memcpy(answer.trace, task->envelope.trace, sizeof answer.trace);
        settle_sender(self, &task->envelope);
        serving_deliver(self, &answer, blob);
        blob_unref(&blob);
    } else {
        refuse(self, &task->envelope, task->payload, err);
    }
    tasks_drop(&peer->tasks, task);
    return err;
}

/*  ---------------------------------------------------------------- coming, going  */

/*  OK: it is for the new process.  */
static err_t
judge(const peer_t *peer, task_t *task)
{
    if (task->handled)
        return ERR_OFFLINE; /* who was about to answer is gone */
    if (!type_list_has(&peer->takes, task->envelope.type))
        return ERR_UNKNOWN;
    if (task->seq == 0)
        return OK;
    task->seq = 0;
    task->envelope.flags |= FLAG_REDELIVERED;
    return ++task->envelope.attempt < TASKS_ATTEMPTS ? OK : ERR_POISON;
}

void
serving_adopt(gateway_t *self, peer_t *peer, tasks_t *unfinished)
{
    task_t *task;
    while ((task = tasks_take_first(unfinished)) != NULL) {
        err_t err = judge(peer, task);
        if (err == OK)
            tasks_append(&peer->tasks, task);
        else
            refuse_task(self, task, err);
    }
}

void
serving_check(gateway_t *self, peer_t *peer)
{
    uint64_t now_ns = gateway_now_ns(self);
    for (task_t *task = peer->tasks.first, *next; task != NULL; task = next) {
        next = task->next;
        if ((task->handled || task->seq == 0) && is_expired(task, now_ns))
            expire(self, peer, task);
    }
}

void
serving_end(gateway_t *self, peer_t *peer, err_t why)
{
    task_t *task;
    while ((task = tasks_take_first(&peer->tasks)) != NULL)
        refuse_task(self, task, why);
}
