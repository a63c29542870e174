#include "actors/server/ear.h"

#include "actors/common/secret.h"
#include "actors/settings.h"

#include <stdio.h>
#include <string.h>

enum { PING_S = 20, HANGUP_S = 60 };

static void
write_address(const char *listen, int port, char address[EAR_ROOM])
{
    const char *colon = strrchr(listen, ':');
    const int host = colon ? (int) (colon - listen) : (int) strlen(listen);
    (void) snprintf(address, EAR_ROOM, "%.*s:%d", host, listen, port);
}

/*  Whether they fit together is the driver's business; who can get at them is ours.  */
static err_t
check_files(const settings_t *settings, fault_t *fault)
{
    buffer_t text = {0};
    err_t err = OK;
    if (settings->tls_certificate[0] != '\0')
        err = secret_read_public("tls.certificate", settings->tls_certificate, &text, fault);
    buffer_clear(&text);
    if (err == OK && settings->tls_key[0] != '\0')
        err = secret_read("tls.key", settings->tls_key, &text, fault);
    secret_release(&text);
    return err;
}

err_t
ear_open(ctx_t *ctx, char address[EAR_ROOM], fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    const net_limits_t limits = {
        .max_frame = (size_t) settings->limits_frame_bytes,
        .max_fragments = (size_t) settings->limits_fragments,
        .ping_s = PING_S,
        .hangup_s = HANGUP_S,
        .handshake_ms = (uint32_t) settings->limits_handshake_ms,
    };
    const net_listen_t request = {
        .address = settings->server_listen,
        .certificate = settings->tls_certificate,
        .key = settings->tls_key,
    };
    int port = 0;
    err_t err = check_files(settings, fault);
    if (err == OK)
        err = net_listen_as(ctx, &request, &limits, &port, fault);
    if (err != OK)
        return err;
    write_address(request.address, port, address);
    ctx_log(ctx, LOG_info, "listening on %s%s", address,
            request.certificate[0] != '\0' ? ", encrypted" : "");
    return OK;
}
