#include "runtime/clock.h"
#include "runtime/plugin_child.h"
#include "runtime/plugin_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FOUND = 1 << 20, NS_PER_MS = 1000000, MS_PER_S = 1000 };

/*  ----------------------------------------------------------------------- the child  */

static void
write_all(bytes_t bytes)
{
    while (bytes.size > 0) {
        ssize_t n = write(PLUGIN_CHILD_FD, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(1);
        bytes.data += n;
        bytes.size -= (size_t) n;
    }
}

void
plugin_probe(const char *file)
{
    plugin_child_settle();
    fault_t fault = {0};
    waybill_plugin_t descriptor;
    plugin_manifest_t manifest;
    plugin_probed_t found = {.manifests = &manifest};
    arena_t arena = {0};
    buffer_t packed = {0};
    if (plugin_file_load(file, &descriptor, &fault) == OK) {
        descriptor_manifest(&descriptor, &arena, &manifest);
        found.n_manifests = 1;
    } else {
        found.problem = fault.text;
    }
    message_pack(MSG_plugin_probed, &found, &packed);
    write_all(buffer_bytes(&packed));
    _exit(0); /* nothing of the file shall run on the way out */
}

/*  --------------------------------------------------------------------- the parent  */

/*  What the child writes until it is done. False: it was not done in time.  */
static bool
read_found(int fd, uint32_t limit_ms, buffer_t *found)
{
    uint64_t deadline = clock_now_ns() + (uint64_t) limit_ms * NS_PER_MS;
    uint8_t part[4096];
    while (found->size < MOST_FOUND) {
        uint64_t now = clock_now_ns();
        struct pollfd item = {.fd = fd, .events = POLLIN};
        if (now >= deadline)
            return false;
        if (poll(&item, 1, (int) ((deadline - now) / NS_PER_MS) + 1) <= 0)
            continue;
        ssize_t n = read(fd, part, sizeof part);
        if (n == 0 || (n < 0 && errno != EINTR))
            return true;
        buffer_add(found, part, n > 0 ? (size_t) n : 0);
    }
    return true;
}

/*  What the child wrote, and how it ended.  */
typedef struct found {
    buffer_t bytes;
    int status;
} found_t;

static err_t
run_child(const plugin_look_t *look, found_t *found, fault_t *fault)
{
    int ends[2];
    pid_t pid;
    const uint32_t limit_ms = look->limit_ms ? look->limit_ms : PLUGIN_PROBE_MS;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, ERR_IO, "%s: no pipe to look at it: %s", look->file,
                         strerrordesc_np(errno));
    err_t err = plugin_child_start(
        &(child_order_t){
            .program = look->program, .verb = "probe", .file = look->file, .fd = ends[1]},
        &pid, fault);
    close(ends[1]);
    if (err == OK) {
        bool ended = read_found(ends[0], limit_ms, &found->bytes);
        found->status =
            plugin_child_end(pid); /* the true one, too, if it was ending by itself */
        if (!ended)
            err = fault_set(fault, ERR_CONFIG,
                            "%s: it did not say what it is within %.1f s; it is not loaded. "
                            "Whoever made it should see what its constructors and "
                            "waybill_plugin_v1 wait for",
                            look->file, (double) limit_ms / MS_PER_S);
    }
    close(ends[0]);
    return err;
}

static err_t
judge(const char *file, const found_t *found, arena_t *arena, plugin_manifest_t *manifest,
      fault_t *fault)
{
    char end[64];
    plugin_probed_t probed = {0};
    bytes_t kept = arena_bytes(arena, buffer_bytes(&found->bytes));
    if (kept.size == 0)
        return fault_set(fault, ERR_CONFIG,
                         "%s: while it was looked at, %s; it is not loaded. Whoever made it "
                         "should see what its constructors and waybill_plugin_v1 do",
                         file, plugin_child_end_text(found->status, end, sizeof end));
    if (message_unpack(MSG_plugin_probed, kept, arena, &probed, NULL) != OK
        || (probed.problem == NULL && probed.n_manifests != 1))
        return fault_set(fault, ERR_CONFIG,
                         "%s: the look at it gave nonsense; it is not loaded", file);
    if (probed.problem)
        return fault_set(fault, ERR_CONFIG, "%s", probed.problem);
    *manifest = probed.manifests[0];
    return OK;
}

err_t
plugin_inspect(const plugin_look_t *look, arena_t *arena, plugin_manifest_t *manifest,
               fault_t *fault)
{
    found_t found = {0};
    err_t err = plugin_file_check(look->file, fault);
    if (err == OK)
        err = run_child(look, &found, fault);
    if (err == OK)
        err = judge(look->file, &found, arena, manifest, fault);
    buffer_release(&found.bytes);
    return err;
}
