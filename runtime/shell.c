#include "runtime/shell_private.h"

#include "runtime/clock.h"
#include "runtime/crash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LO_BURST = 128, /* lo messages between looks at the hi lane's back log */
    HI_BURST = 256,
    EAR_BURST = 128,
    EAR_QUEUE = 100, /* bundles of records */
};

/*  ------------------------------------------------------------------------- life  */

shell_t *
shell_new(const actor_class_t *class, const shell_options_t *options, fault_t *fault)
{
    shell_t *self = mem_new(sizeof *self);
    self->class = class;
    self->options = *options;
    if (options->log_levels)
        self->options.limits.log_level = log_levels_of(options->log_levels, class->name);
    self->chance = system_random();
    self->post = postbox_new(options->zmq, class->name, fault);
    if (self->post == NULL) {
        shell_destroy(&self);
        return NULL;
    }
    cell_host_t host = shell_host(self);
    self->cell =
        cell_new(class, &host, &self->options.limits, options->settings, options->epoch);
    for (lane_t lane = 0; lane < LANE_COUNT; lane++)
        self->inbox_fds[lane] = postbox_fd(self->post, lane);
    shell_know(self, SUPERVISOR);
    return self;
}

/*  What came after its end: a stopped cell makes dead letters of it.  */
static void
bury_inboxes(shell_t *self)
{
    letter_t *letter;
    for (lane_t lane = 0; self->cell && lane < LANE_COUNT; lane++)
        while ((letter = postbox_receive(self->post, lane)) != NULL)
            cell_take(self->cell, letter);
}

void
shell_destroy(shell_t **self_p)
{
    shell_t *self = *self_p;
    if (self == NULL)
        return;
    bury_inboxes(self);
    cell_destroy(&self->cell);
    postbox_destroy(&self->post);
    free(self);
    *self_p = NULL;
}

const char *
shell_name(const shell_t *self)
{
    return self->class->name;
}

const char *
shell_busy_with(const shell_t *self)
{
    return cell_busy_with(self->cell);
}

void
shell_know(shell_t *self, const char *name)
{
    postbox_know(self->post, name);
}

void
shell_subscribe(shell_t *self, const char *pattern, const char *subscriber)
{
    port_subscribe(cell_port(self->cell), pattern, subscriber);
}

/*  -------------------------------------------------------------------- the thread  */

/*  The next letter of a lane that may have one. Once a lane has said that it is empty, the
    next message makes its descriptor readable; before that it need not.  */
static letter_t *
receive(shell_t *self, lane_t lane)
{
    letter_t *letter = self->empty[lane] ? NULL : postbox_receive(self->post, lane);
    self->empty[lane] = letter == NULL;
    return letter;
}

static void
take_lo(shell_t *self)
{
    letter_t *letter;
    for (int i = 0; i < LO_BURST && cell_wants_lo(self->cell); i++) {
        if ((letter = receive(self, LANE_lo)) == NULL)
            return;
        cell_take(self->cell, letter);
    }
}

static void
start_cell(shell_t *self)
{
    fault_t fault = {0};
    err_t err = cell_start(self->cell, &fault);
    (void) err; /* a start that failed has reported itself, reason and all: state `stopped` */
}

/*  Whoever stopped before us may have said something at the very end: it has arrived by now. */
static void
finish_inbox(shell_t *self)
{
    do {
        self->empty[LANE_lo] = false;
        take_lo(self);
        cell_turn(self->cell, false);
    } while (!self->empty[LANE_lo] && cell_wants_lo(self->cell));
}

static void
stop_cell(shell_t *self)
{
    if (cell_state(self->cell) == CELL_DRAINED)
        finish_inbox(self);
    cell_stop(self->cell);
    self->stopping = true;
}

static void
drain_cell(shell_t *self)
{
    cell_drain(self->cell);
}

/*  Orders that name another actor are acknowledged: what we said before is on its way then.  */
static void
acknowledge(shell_t *self)
{
    envelope_t envelope = {.kind = ENVELOPE_CONTROL,
                           .type = "obeyed",
                           .from = self->class->name,
                           .to = SUPERVISOR,
                           .seq = self->order,
                           .flags = FLAG_NO_TAP};
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    postbox_flush(self->post);
    err_t err = postbox_put(self->post, SUPERVISOR, LANE_hi, (bytes_t){header, size}, NULL);
    assert(err == OK || err == ERR_STOPPED);
}

static void
know_actor(shell_t *self, const char *name)
{
    postbox_know(self->post, name);
    acknowledge(self);
}

static void
close_actor(shell_t *self, const char *name)
{
    snprintf(self->leaving, sizeof self->leaving, "%s", name);
}

static void
forget_actor(shell_t *self, const char *name)
{
    self->leaving[0] = '\0';
    postbox_forget(self->post, name);
    acknowledge(self);
}

/*  Whether all that waited for it has gone: then it may.  */
static void
report_left(shell_t *self)
{
    if (self->leaving[0] == '\0' || port_owes(cell_port(self->cell), self->leaving))
        return;
    self->leaving[0] = '\0';
    acknowledge(self);
}

static const struct {
    const char *verb;
    void (*obey)(shell_t *self);
    void (*obey_about)(shell_t *self, const char *name); /* after the cell, which keeps tapes */
} orders[] = {
    {"start", start_cell, NULL}, {"drain", drain_cell, NULL},  {"stop", stop_cell, NULL},
    {"know", NULL, know_actor},  {"close", NULL, close_actor}, {"forget", NULL, forget_actor},
};

static void
obey_about(shell_t *self, letter_t *letter, void (*obey)(shell_t *self, const char *name))
{
    char name[NAME_ROOM + 1];
    snprintf(name, sizeof name, "%s", letter->envelope.key);
    self->order = letter->envelope.seq;
    cell_take(self->cell, letter);
    obey(self, name);
}

/*  True if the letter was an order from the supervisor to the shell itself.  */
static bool
obey(shell_t *self, letter_t *letter)
{
    if (letter->envelope.kind != ENVELOPE_CONTROL)
        return false;
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (strcmp(letter->envelope.type, orders[i].verb) == 0) {
            if (orders[i].obey_about) {
                obey_about(self, letter, orders[i].obey_about);
                return true;
            }
            orders[i].obey(self);
            letter->release(letter);
            return true;
        }
    return false;
}

static void
take_hi(shell_t *self)
{
    letter_t *letter;
    for (int i = 0; i < HI_BURST && !self->stopping; i++) {
        if ((letter = receive(self, LANE_hi)) == NULL)
            return;
        if (!obey(self, letter))
            cell_take(self->cell, letter);
    }
}

/*  What the actor hears of others. It takes part in no round, so it must not starve them.  */
static void
take_records(shell_t *self)
{
    for (int i = 0; i < EAR_BURST && self->ear_open; i++) {
        const tap_record_t *record = tap_ear_next(self->ear);
        self->ear_empty = record == NULL;
        if (record == NULL)
            return;
        cell_on_tapped(self->cell, record);
    }
}

static void
open_net(shell_t *self)
{
    if (self->class->net == NULL || self->options.net == NULL)
        return;
    net_sink_t sink = cell_sink(self->cell);
    int wakes[LANE_COUNT + 1];
    memcpy(wakes, self->inbox_fds, sizeof self->inbox_fds);
    wakes[LANE_COUNT] = self->ear_fd;
    self->net = self->options.net->open(&sink, wakes, LANE_COUNT + (self->ear != NULL));
    if (self->net)
        cell_use_net(self->cell, self->options.net, self->net);
}

static void
open_ear(shell_t *self)
{
    if (!self->options.tap || self->class->on_tapped == NULL)
        return;
    self->ear = tap_ear_new(self->options.zmq, EAR_QUEUE);
    if (self->ear)
        self->ear_fd = tap_ear_fd(self->ear);
}

static void *
thread_main(void *shell)
{
    shell_t *self = shell;
    void *stack = crash_stack_new();
    self->tap = tap_source_new(self->options.zmq, self->class->name, &self->gate);
    open_ear(self);
    open_net(self);
    postbox_gather(self->post);
    while (!self->stopping) {
        take_hi(self);
        take_lo(self);
        if (self->stopping)
            break;
        take_records(self);
        cell_turn(self->cell, !shell_something_waits(self));
        cell_note_tap_lost(self->cell, tap_source_dropped(self->tap));
        report_left(self);
        postbox_flush(self->post);
        shell_wait(self);
    }
    cell_tap(self->cell, TAP_NOTHING);
    postbox_flush(self->post);
    if (self->net)
        self->options.net->close(&self->net);
    tap_source_destroy(&self->tap);
    tap_ear_destroy(&self->ear);
    crash_stack_free(stack);
    return NULL;
}

err_t
shell_launch(shell_t *self, fault_t *fault)
{
    if (pthread_create(&self->thread, NULL, thread_main, self) != 0)
        return fault_set(fault, ERR_IO, "%s: no thread for it; raise the limit on processes",
                         self->class->name);
    char name[16] = "";
    strncpy(name, self->class->name, sizeof name - 1);
    pthread_setname_np(self->thread, name);
    self->launched = true;
    return OK;
}

bool
shell_join(shell_t *self, const struct timespec *deadline)
{
    if (self->launched && pthread_timedjoin_np(self->thread, NULL, deadline) != 0)
        return false;
    self->launched = false;
    return true;
}
