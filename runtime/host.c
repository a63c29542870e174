#include "runtime/host.h"

#include "runtime/clock.h"
#include "runtime/crash.h"
#include "runtime/host_private.h"

#include <assert.h>
#include <czmq.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

/*  Looks at who is busy, within the time after which one is stuck.  */
enum { LOOKS = 4, MS_PER_S = 1000 };

/*  ----------------------------------------------------------------------- logging  */

static void
log_to_stderr(void *nobody, const log_line_t *line)
{
    (void) nobody;
    char text[1400];
    snprintf(text, sizeof text, "%s", line->text);
    for (char *at = text; *at; at++)
        if ((unsigned char) *at < ' ')
            *at = '?';
    fprintf(stderr, "%s %s: %s\n", line->level, line->actor, text);
}

void
host_say(host_t *self, const char *level, const char *text)
{
    const log_line_t line = {
        .time = clock_wall_ms(), .level = level, .actor = SUPERVISOR, .text = text};
    self->options.log(self->options.log_to, &line);
}

/*  -------------------------------------------------------------------------- life  */

static uint32_t
or_else(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static int64_t
wall_us(void *nobody)
{
    (void) nobody;
    return clock_wall_us();
}

host_t *
host_new(const host_options_t *options)
{
    host_t *self = mem_new(sizeof *self);
    self->options = *options;
    self->options.restart_limit = or_else(options->restart_limit, 5);
    self->options.restart_period_ms = or_else(options->restart_period_ms, 30000);
    self->options.attempts_limit = or_else(options->attempts_limit, 3);
    self->options.stop_deadline_ms = or_else(options->stop_deadline_ms, 5000);
    self->options.stuck_ms = or_else(options->stuck_ms, 10000);
    if (self->options.log == NULL)
        self->options.log = log_to_stderr;
    self->system = system_new(&(system_options_t){
        .role = options->name,
        .run_dir = options->run_dir,
        .pid = (uint64_t) getpid(),
        .wall_us = wall_us,
    });
    self->signals = -1;
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(self->wake >= 0);
    return self;
}

void
host_add(host_t *self, const actor_class_t *class)
{
    assert(self->crew.n < MOST_ACTORS);
    self->crew.names[self->crew.n] = class->name;
    self->crew.classes[self->crew.n++] = class;
}

void
host_stop(host_t *self)
{
    uint64_t one = 1;
    ssize_t wrote = write(self->wake, &one, sizeof one);
    (void) wrote; /* full means that it is awake already */
}

/*  ------------------------------------------------------------------------ starting  */

err_t
host_make_shell(host_t *self, member_t *member, const actor_class_t *class, fault_t *fault)
{
    uint64_t now = (uint64_t) clock_wall_ms();
    self->epoch = now > self->epoch ? now : self->epoch + 1;
    shell_options_t options = {
        .zmq = self->zmq,
        .system = self->system,
        .net = self->options.net,
        .tap = self->options.run_dir != NULL,
        .settings = self->options.settings,
        .settings_text = self->options.settings_text,
        .limits = {.restarts = self->options.restart_limit,
                   .period_ms = self->options.restart_period_ms,
                   .attempts = self->options.attempts_limit,
                   .log_level = self->options.log_level,
                   .log_steps = self->options.log_steps},
        .log_levels = self->options.log_levels,
        .epoch = self->epoch,
        .log = self->options.log,
        .log_to = self->options.log_to,
    };
    member->shell = shell_new(class, &options, fault);
    if (member->shell == NULL)
        return fault->err;
    postbox_know(self->crew.post, class->name);
    return OK;
}

static err_t
make_shells(host_t *self, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->crew.n; i++)
        err = host_make_shell(self, &self->crew.members[i], self->crew.classes[i], fault);
    return err;
}

static err_t
open_run_dir(host_t *self, fault_t *fault)
{
    if (self->options.run_dir == NULL)
        return OK;
    err_t err = rundir_lock(self->options.run_dir, &self->rundir, fault);
    if (err == OK) {
        system_tidy_dumps(self->options.run_dir);
        self->crash_stack = crash_stack_new();
        crash_catch(self->system, self->options.run_dir);
    }
    return err;
}

/*  Signals become a descriptor before any thread is made, so that none gets them.  */
static err_t
catch_signals(host_t *self, fault_t *fault)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &mask, &self->old_mask);
    signal(SIGPIPE, SIG_IGN);
    self->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals < 0)
        return fault_set(fault, ERR_IO, "signalfd: %m");
    return OK;
}

static err_t
open_doors(host_t *self, fault_t *fault)
{
    if (self->options.run_dir == NULL)
        return OK;
    gateway_options_t options = {
        .zmq = self->zmq,
        .run_dir = self->options.run_dir,
        .epoch = (uint64_t) clock_wall_ms(),
        .open = self->options.open_border,
        .log = self->options.log,
        .log_to = self->options.log_to,
        .joined = system_note_joined,
        .joined_to = self->system,
        .dead = system_note_dead,
        .dead_to = self->system,
    };
    self->gateway = gateway_new(&options);
    for (size_t i = 0; i < self->crew.n; i++) {
        const actor_class_t *class = self->crew.classes[i];
        gateway_add(self->gateway,
                    &(gateway_actor_t){class->name, class->offers, class->hears});
    }
    err_t err = gateway_start(self->gateway, fault);
    if (err != OK)
        return err;
    self->doors_open = true;
    return tap_start(self->tap, fault);
}

/*  Actors may listen to it as soon as they start.  */
static err_t
make_tap(host_t *self, fault_t *fault)
{
    if (self->options.run_dir == NULL)
        return OK;
    tap_options_t options = {
        .zmq = self->zmq,
        .run_dir = self->options.run_dir,
        .actors = self->crew.names,
        .log = self->options.log,
        .log_to = self->options.log_to,
    };
    self->tap = tap_new(&options);
    return tap_open(self->tap, fault);
}

static err_t
prepare(host_t *self, fault_t *fault)
{
    err_t err = lint_edges(self->crew.classes, self->crew.n, fault);
    if (err == OK)
        err = lint_offers(self->crew.classes, self->crew.n, fault);
    if (err == OK)
        err = open_run_dir(self, fault);
    if (err == OK)
        err = catch_signals(self, fault);
    if (err != OK)
        return err;
    zsys_handler_set(NULL); /* czmq's own would stop every poller in the process at once */
    self->zmq = zmq_ctx_new();
    assert(self->zmq);
    self->crew.post = postbox_new(self->zmq, SUPERVISOR, fault);
    err = self->crew.post ? make_tap(self, fault) : fault->err;
    return err == OK ? make_shells(self, fault) : err;
}

/*  ------------------------------------------------------------------------ stopping  */

static void
name_straggler(host_t *self, const member_t *member, const char *phase)
{
    char text[256];
    const char *busy = shell_busy_with(member->shell);
    snprintf(text, sizeof text, "%s does not %s: %s %s", shell_name(member->shell), phase,
             busy ? "it is busy with" : "it waits for", busy ? busy : "answers");
    host_say(self, "warning", text);
}

void
host_drain_member(host_t *self, member_t *member)
{
    if (member->state != CELL_RUNNING)
        return;
    crew_order(&self->crew, member, "drain");
    if (!crew_await(&self->crew, member, ~(1U << CELL_RUNNING | 1U << CELL_DRAINING),
                    self->options.stop_deadline_ms))
        name_straggler(self, member, "drain");
}

bool
host_stop_member(host_t *self, member_t *member)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += self->options.stop_deadline_ms / MS_PER_S + 1;
    crew_order(&self->crew, member, "stop");
    if (shell_join(member->shell, &deadline))
        return true;
    name_straggler(self, member, "stop");
    self->abandoned = true;
    return false;
}

/*  Consumers started first, so they stop last: whatever a producer still says on its way
    out finds somebody.  */
static void
stop_members(host_t *self)
{
    crew_close(&self->crew);
    self->abandoned = false; /* whoever was late once may have stopped by now */
    if (self->doors_open)
        gateway_refuse(self->gateway);
    for (size_t i = self->crew.n_started; i-- > 0;)
        host_drain_member(self, &self->crew.members[i]);
    if (self->doors_open) {
        gateway_stop(self->gateway);
        if (self->tap)
            tap_stop(self->tap);
        self->doors_open = false;
    }
    for (size_t i = self->crew.n_started; i-- > 0;)
        host_stop_member(self, &self->crew.members[i]);
    self->crew.n_started = 0;
}

err_t
host_start(host_t *self, fault_t *fault)
{
    fault_t unwanted;
    fault = fault ? fault : &unwanted;
    err_t err = prepare(self, fault);
    if (err == OK) {
        crew_introduce(&self->crew, self->options.run_dir != NULL);
        err = crew_start(&self->crew, fault);
    }
    if (err == OK)
        err = open_doors(self, fault);
    self->started = err == OK;
    if (err != OK)
        stop_members(self);
    return err;
}

void
host_destroy(host_t **self_p)
{
    host_t *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    if (self->crew.n_started > 0)
        stop_members(self);
    if (self->abandoned)
        return; /* a thread still uses all of it; the process is about to end */
    tap_destroy(&self->tap);
    gateway_destroy(&self->gateway);
    for (size_t i = 0; i < self->crew.n; i++)
        shell_destroy(&self->crew.members[i].shell);
    host_forget_plugins(self);
    crash_release(self->system);
    crash_stack_free(self->crash_stack);
    system_destroy(&self->system);
    postbox_destroy(&self->crew.post);
    if (self->zmq)
        zmq_ctx_term(self->zmq);
    rundir_unlock(&self->rundir);
    if (self->signals >= 0) {
        close(self->signals);
        pthread_sigmask(SIG_SETMASK, &self->old_mask, NULL);
    }
    close(self->wake);
    free(self);
}

/*  ------------------------------------------------------------------------- running  */

static void
take_signal(host_t *self)
{
    struct signalfd_siginfo info;
    while (read(self->signals, &info, sizeof info) == (ssize_t) sizeof info)
        host_say(self, "info",
                 info.ssi_signo == SIGINT ? "SIGINT: stopping" : "SIGTERM: stopping");
}

err_t
host_run(host_t *self, fault_t *fault)
{
    assert(self->started);
    zmq_pollitem_t items[] = {
        {.socket = postbox_socket(self->crew.post, LANE_hi), .events = ZMQ_POLLIN},
        {.fd = self->signals, .events = ZMQ_POLLIN},
        {.fd = self->wake, .events = ZMQ_POLLIN},
    };
    while (crew_given_up(&self->crew, false) == NULL) {
        /* What was asked while it served another waits already. */
        bool asked = self->crew.asked.first != NULL;
        zmq_poll(items, COUNT_OF(items), asked ? 0 : self->options.stuck_ms / LOOKS);
        crew_note_states(&self->crew);
        host_look_for_stuck(self);
        if (items[1].revents || items[2].revents)
            break;
        host_serve(self);
        host_drop_failed(self);
    }
    take_signal(self);
    const member_t *failed = crew_given_up(&self->crew, false);
    stop_members(self);
    if (self->abandoned)
        return fault_set(fault, ERR_TIMEOUT, "%s: an actor did not stop; see the log",
                         self->options.name);
    if (failed)
        return fault_set(fault, ERR_FAILED, "%s failed too often: %s",
                         shell_name(failed->shell), failed->reason);
    return OK;
}
