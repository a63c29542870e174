#include "bus/tap_client.h"

#include "bus/rundir.h"
#include "schemas/plausible.h"

#include <errno.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { QUEUE = 10000, LOOK_MS = 1000 };
enum { ABOUT, ENVELOPE, PAYLOAD, FRAMES };

struct tap_client {
    void *zmq, *sub;
    char run_dir[256];
    zmq_msg_t frames[FRAMES];
};

/*  Is a process behind the socket? ZeroMQ itself waits for one without a word.  */
static bool
answers(const char *run_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/tap.sock", run_dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected =
        fd >= 0 && connect(fd, (const struct sockaddr *) &address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return connected;
}

static bool
connect_sub(tap_client_t *self, const char *endpoint)
{
    const int none = 0;
    const int queue = QUEUE;
    self->zmq = zmq_ctx_new();
    self->sub = self->zmq != NULL ? zmq_socket(self->zmq, ZMQ_SUB) : NULL;
    if (self->sub == NULL)
        return false;
    zmq_setsockopt(self->sub, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(self->sub, ZMQ_RCVHWM, &queue, sizeof queue);
    zmq_setsockopt(self->sub, ZMQ_SUBSCRIBE, "", 0);
    return zmq_connect(self->sub, endpoint) == 0;
}

err_t
tap_client_open(const char *run_dir, tap_client_t **self_p, fault_t *fault)
{
    char endpoint[256];
    err_t err = rundir_endpoint(run_dir, "tap.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    if (!answers(run_dir))
        return fault_set(
            fault, ERR_OFFLINE,
            "no process has a tap in run directory %s; name another with --run-dir", run_dir);
    tap_client_t *self = mem_new(sizeof *self);
    snprintf(self->run_dir, sizeof self->run_dir, "%s", run_dir);
    for (size_t i = 0; i < FRAMES; i++)
        zmq_msg_init(&self->frames[i]);
    if (!connect_sub(self, endpoint)) {
        err = fault_set(fault, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
        tap_client_destroy(&self);
        return err;
    }
    *self_p = self;
    return OK;
}

void
tap_client_destroy(tap_client_t **self_p)
{
    tap_client_t *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < FRAMES; i++)
        zmq_msg_close(&self->frames[i]);
    if (self->sub != NULL)
        zmq_close(self->sub);
    if (self->zmq != NULL)
        zmq_ctx_term(self->zmq);
    free(self);
    *self_p = NULL;
}

/*  ---------------------------------------------------------------------- reading  */

static bool
text_is(const msgpack_object *object, const char *text)
{
    return object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text)
           && memcmp(object->via.str.ptr, text, strlen(text)) == 0;
}

static void
copy_text(const msgpack_object *object, char *out, size_t room)
{
    if (object->type == MSGPACK_OBJECT_STR && object->via.str.size < room) {
        memcpy(out, object->via.str.ptr, object->via.str.size);
        out[object->via.str.size] = '\0';
    }
}

static void
read_pair(const msgpack_object_kv *pair, tap_record_t *record)
{
    const msgpack_object *value = &pair->val;
    char err[NAME_ROOM + 1] = "";
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        if (text_is(&pair->key, "n"))
            record->n = value->via.u64;
        if (text_is(&pair->key, "dropped"))
            record->dropped = value->via.u64;
    }
    if (text_is(&pair->key, "actor"))
        copy_text(value, record->actor, sizeof record->actor);
    if (text_is(&pair->key, "err"))
        copy_text(value, err, sizeof err);
    if (*err != '\0')
        record->err = err_named(err);
    for (tap_point_t point = 0; point < TAP_POINT_COUNT; point++)
        if (text_is(&pair->key, "point") && text_is(value, tap_point_name(point)))
            record->point = point;
}

static bool
read_about(bytes_t about, tap_record_t *record)
{
    size_t used;
    size_t offset = 0;
    if (!plausible(about, &used) || used != about.size)
        return false;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    bool good = msgpack_unpack_next(&unpacked, (const char *) about.data, about.size, &offset)
                    == MSGPACK_UNPACK_SUCCESS
                && unpacked.data.type == MSGPACK_OBJECT_MAP;
    for (uint32_t i = 0; good && i < unpacked.data.via.map.size; i++)
        read_pair(&unpacked.data.via.map.ptr[i], record);
    msgpack_unpacked_destroy(&unpacked);
    return good;
}

static bytes_t
frame_bytes(tap_client_t *self, size_t i)
{
    return (bytes_t){zmq_msg_data(&self->frames[i]), zmq_msg_size(&self->frames[i])};
}

static bool
read_record(tap_client_t *self, tap_record_t *record)
{
    *record = (tap_record_t){.payload = frame_bytes(self, PAYLOAD)};
    return read_about(frame_bytes(self, ABOUT), record)
           && envelope_unpack(frame_bytes(self, ENVELOPE), &record->envelope, &record->names)
                  == OK;
}

/*  False: nothing was there, or not a record.  */
static bool
receive(tap_client_t *self)
{
    for (size_t i = 0; i < FRAMES; i++) {
        if (zmq_msg_recv(&self->frames[i], self->sub, ZMQ_DONTWAIT) < 0)
            return false;
        if (zmq_msg_more(&self->frames[i]) != (i + 1 < FRAMES))
            return false;
    }
    return true;
}

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

err_t
tap_client_next(tap_client_t *self, int timeout_ms, tap_record_t *record)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    for (;;) {
        if (receive(self)) {
            if (read_record(self, record))
                return OK;
            continue;
        }
        int64_t left = end - now_ms();
        if (left <= 0)
            return ERR_TIMEOUT;
        zmq_pollitem_t item = {.socket = self->sub, .events = ZMQ_POLLIN};
        int n = zmq_poll(&item, 1, (long) (left < LOOK_MS ? left : LOOK_MS));
        if (n == 0 && !answers(self->run_dir))
            return ERR_OFFLINE;
    }
}
