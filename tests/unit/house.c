#include "tests/unit/house.h"

#include "bus/postbox.h"
#include "schemas/codec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

static const char *const names[] = {"echo", "sleeper"};
static const char *const offers[] = {"ping", "parcel", NULL};
static const char *const hears[] = {"tea_*", NULL};

typedef struct resident {
    house_t *house;
    const char *name;
    postbox_t *postbox;
    port_t *port;
    pthread_t thread;
    letter_t *kept, **last; /* admitted while asleep */
    uint64_t number;        /* of the last parcel */
    atomic_uint_fast64_t parcels, disorder, heard;
    atomic_int subscriptions;
    atomic_bool stopping;
} resident_t;

/*  -------------------------------------------------------------------- transport  */

static err_t
put(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    return postbox_put(((resident_t *) self)->postbox, to, lane, header, payload);
}

static uint64_t
now_ns(void *self)
{
    (void) self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static uint64_t
random_number(void *self)
{
    return ((resident_t *) self)->number * 0x9e3779b97f4a7c15u + now_ns(self);
}

static int64_t
wall_ms(void *self)
{
    return (int64_t) (now_ns(self) / 1000000u);
}

static void
dead(void *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    (void) self;
    (void) envelope;
    (void) payload;
    (void) why;
}

/*  --------------------------------------------------------------------- handling  */

static blob_t *
pack(message_id_t id, const void *body)
{
    buffer_t buffer = {0};
    message_pack(id, body, &buffer);
    blob_t *blob = blob_new(buffer_bytes(&buffer));
    buffer_release(&buffer);
    return blob;
}

static void
say(resident_t *self, envelope_t *draft, message_id_t id, const void *body)
{
    blob_t *payload = pack(id, body);
    draft->type = schema_of(id)->name;
    draft->hash = schema_hash(id);
    if (draft->kind == ENVELOPE_EVT)
        port_publish(self->port, draft, payload);
    else
        (void) port_send(self->port, draft, payload, NULL);
    blob_unref(&payload);
}

static void
handle_ping(resident_t *self, const letter_t *letter, const ping_t *ping)
{
    envelope_t reply = {.kind = ENVELOPE_REP, .to = letter->envelope.from};
    memcpy(reply.corr, letter->envelope.id, sizeof reply.corr);
    say(self, &reply, MSG_pong, &(pong_t){.number = ping->number});
}

static void
handle_parcel(resident_t *self, const parcel_t *parcel)
{
    if (parcel->number <= self->number)
        atomic_fetch_add(&self->disorder, 1);
    self->number = parcel->number;
    envelope_t event = {.kind = ENVELOPE_EVT};
    say(self, &event, MSG_actor_state,
        &(actor_state_t){.actor = self->name, .state = "ready", .restarts = parcel->number});
    atomic_fetch_add(&self->parcels, 1);
}

static void
handle(resident_t *self, letter_t *letter)
{
    if (letter->envelope.kind == ENVELOPE_EVT) {
        atomic_fetch_add(&self->heard, 1);
        port_done(self->port, &letter->envelope);
        letter->release(letter);
        return;
    }
    arena_t arena = {0};
    message_id_t id = message_named(letter->envelope.type);
    void *body = arena_new(&arena, schema_of(id)->size + 1);
    err_t err = message_unpack(id, letter->payload, &arena, body, NULL);
    assert(err == OK);
    if (id == MSG_ping)
        handle_ping(self, letter, body);
    else if (id == MSG_parcel)
        handle_parcel(self, body);
    port_done(self->port, &letter->envelope);
    arena_release(&arena);
    letter->release(letter);
}

static void
take_control(resident_t *self, const letter_t *letter)
{
    char pattern[NAME_ROOM + 1] = "";
    memcpy(pattern, letter->payload.data + 1, letter->payload.size - 1); /* a fixstr */
    bool subscribe = strcmp(letter->envelope.type, "subscribe") == 0;
    (subscribe ? port_subscribe : port_unsubscribe)(self->port, pattern, "ipc");
    atomic_fetch_add(&self->subscriptions, subscribe ? 1 : -1);
}

static void
read_hi(resident_t *self)
{
    letter_t *letter;
    while ((letter = postbox_receive(self->postbox, LANE_hi)) != NULL) {
        if (letter->envelope.kind == ENVELOPE_CREDIT)
            port_on_credit(self->port, &letter->envelope, NULL);
        else if (letter->envelope.kind == ENVELOPE_CONTROL)
            take_control(self, letter);
        letter->release(letter);
    }
}

static void
read_lo(resident_t *self)
{
    letter_t *letter;
    while ((letter = postbox_receive(self->postbox, LANE_lo)) != NULL) {
        if (port_admit(self->port, &letter->envelope, letter->payload.size) != ADMIT) {
            letter->release(letter);
            continue;
        }
        *self->last = letter;
        self->last = &letter->next;
    }
}

static void
handle_kept(resident_t *self)
{
    while (self->kept != NULL) {
        letter_t *letter = self->kept;
        self->kept = letter->next;
        handle(self, letter);
    }
    self->last = &self->kept;
}

static void
tell_round(house_t *house)
{
    pthread_mutex_lock(&house->lock);
    house->rounds++;
    pthread_cond_broadcast(&house->gone_round);
    pthread_mutex_unlock(&house->lock);
}

static void *
run(void *arg)
{
    resident_t *self = arg;
    while (!atomic_load(&self->stopping)) {
        zmq_pollitem_t items[] = {
            {.socket = postbox_socket(self->postbox, LANE_hi), .events = ZMQ_POLLIN},
            {.socket = postbox_socket(self->postbox, LANE_lo), .events = ZMQ_POLLIN},
        };
        zmq_poll(items, COUNT_OF(items), 5);
        read_hi(self);
        read_lo(self);
        if (strcmp(self->name, "sleeper") != 0 || !atomic_load(&self->house->asleep))
            handle_kept(self);
        port_settle(self->port);
        tell_round(self->house);
    }
    handle_kept(self);
    return NULL;
}

/*  ------------------------------------------------------------------------- life  */

static resident_t *
move_in(house_t *house, const char *name)
{
    resident_t *self = mem_new(sizeof *self);
    self->house = house;
    self->name = name;
    self->last = &self->kept;
    self->postbox = postbox_new(house->zmq, name, NULL);
    postbox_know(self->postbox, "ipc");
    const transport_t transport = {self, put, now_ns, random_number, wall_ms, dead};
    self->port = port_new(name, &transport, 1);
    return self;
}

static void
count_line(void *house, const log_line_t *line)
{
    (void) line;
    atomic_fetch_add(&((house_t *) house)->lines, 1);
}

static void
open_house(house_t *self)
{
    static uint64_t epoch = 0;
    self->zmq = zmq_ctx_new();
    for (int i = 0; i < 2; i++)
        self->residents[i] = move_in(self, names[i]);
    const gateway_options_t options = {.zmq = self->zmq,
                                       .run_dir = self->run_dir,
                                       .epoch = ++epoch,
                                       .log = count_line,
                                       .log_to = self};
    self->gateway = gateway_new(&options);
    for (int i = 0; i < 2; i++)
        gateway_add(self->gateway, &(gateway_actor_t){names[i], offers, hears});
    err_t err = gateway_start(self->gateway, NULL);
    assert(err == OK);
    for (int i = 0; i < 2; i++)
        pthread_create(&self->residents[i]->thread, NULL, run, self->residents[i]);
}

static void
move_out(resident_t *self)
{
    atomic_store(&self->stopping, true);
    pthread_join(self->thread, NULL);
    port_destroy(&self->port);
    postbox_destroy(&self->postbox);
    free(self);
}

static void
close_house(house_t *self)
{
    gateway_destroy(&self->gateway);
    for (int i = 0; i < 2; i++)
        move_out(self->residents[i]);
    zmq_ctx_term(self->zmq);
}

house_t *
house_new(void)
{
    house_t *self = mem_new(sizeof *self);
    strcpy(self->run_dir, "/tmp/house.XXXXXX");
    char *made = mkdtemp(self->run_dir);
    assert(made != NULL);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->gone_round, NULL);
    open_house(self);
    return self;
}

void
house_restart(house_t *self)
{
    close_house(self);
    open_house(self);
}

void
house_destroy(house_t **self_p)
{
    house_t *self = *self_p;
    close_house(self);
    pthread_cond_destroy(&self->gone_round);
    pthread_mutex_destroy(&self->lock);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", self->run_dir);
    if (system(command) != 0) /* NOLINT: a path of our own making */
        fprintf(stderr, "%s: not removed\n", self->run_dir);
    free(self);
    *self_p = NULL;
}

uint64_t
house_parcels(const house_t *self, int actor)
{
    return atomic_load(&self->residents[actor]->parcels);
}

uint64_t
house_disorder(const house_t *self, int actor)
{
    return atomic_load(&self->residents[actor]->disorder);
}

uint64_t
house_heard(const house_t *self, int actor)
{
    return atomic_load(&self->residents[actor]->heard);
}

bool
house_subscribed(const house_t *self, int actor)
{
    return atomic_load(&self->residents[actor]->subscriptions) > 0;
}

void
house_await_round(house_t *self)
{
    pthread_mutex_lock(&self->lock);
    const uint64_t seen = self->rounds;
    while (self->rounds == seen)
        pthread_cond_wait(&self->gone_round, &self->lock);
    pthread_mutex_unlock(&self->lock);
}
