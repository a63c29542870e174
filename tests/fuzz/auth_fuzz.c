/*  auth_fuzz - a token file of any bytes, a token of any bytes, and claims of any bytes with a
    good signature: each is understood or refused. The first byte picks which.  */

#include "actors/server/auth.h"
#include "tests/defaults.h"

#include <assert.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_ROOM = 64, NOW_MS = 1000000 };

static const char secret[] = "0123456789abcdef0123456789abcdef";

/*  A file that only we can read; gives its descriptor.  */
static int
keep(bytes_t bytes, char path[PATH_ROOM])
{
    const int fd = memfd_create("auth", MFD_CLOEXEC);
    const int mode = fd < 0 ? -1 : fchmod(fd, S_IRUSR | S_IWUSR);
    const ssize_t written = fd < 0 ? -1 : write(fd, bytes.data, bytes.size);
    assert(mode == 0 && written == (ssize_t) bytes.size);
    (void) snprintf(path, PATH_ROOM, "/proc/self/fd/%d", fd);
    return fd;
}

static void
judge(const auth_t *auth, const char *token)
{
    const char *why = NULL;
    identity_t identity;
    if (auth_judge(auth, token, NOW_MS, &identity, &why))
        assert(identity.user[0] != '\0' && strlen(identity.user) <= USER_MAX
               && (identity.expires_ms == 0 || identity.expires_ms > NOW_MS));
    else
        assert(why != NULL);
}

static void
open_tokens(bytes_t bytes)
{
    char path[PATH_ROOM];
    auth_t *auth = NULL;
    fault_t fault = {0};
    settings_t settings = defaults;
    const int fd = keep(bytes, path);
    settings.auth_tokens = path;
    if (auth_open(&settings, &auth, &fault) == OK) {
        assert(auth_is_on(auth));
        judge(auth, "canary");
    } else
        assert(strstr(fault.text, path) != NULL);
    auth_close(&auth);
    (void) close(fd);
}

/*  By the secret of signed tokens.  */
static void
judge_signed(const char *token)
{
    static const bytes_t key = {(const uint8_t *) secret, sizeof secret - 1};
    char path[PATH_ROOM];
    auth_t *auth = NULL;
    fault_t fault = {0};
    settings_t settings = defaults;
    const int fd = keep(key, path);
    settings.auth_jwt_secret = path;
    settings.auth_jwt_issuer = "us";
    const err_t err = auth_open(&settings, &auth, &fault);
    assert(err == OK);
    judge(auth, token);
    auth_close(&auth);
    (void) close(fd);
}

static void
judge_token(bytes_t bytes)
{
    char *token = mem_format("%.*s", (int) bytes.size, (const char *) bytes.data);
    judge_signed(token);
    free(token);
}

/*  Signs what it can: anything that is a JSON object.  */
static void
judge_claims(bytes_t bytes)
{
    jwt_t *jwt = NULL;
    char *claims = mem_format("%.*s", (int) bytes.size, (const char *) bytes.data);
    const bool made =
        jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, claims) == 0
        && jwt_set_alg(jwt, JWT_ALG_HS256, (const uint8_t *) secret, sizeof secret - 1) == 0;
    char *token = made ? jwt_encode_str(jwt) : NULL;
    if (token != NULL)
        judge_signed(token);
    free(token);
    free(claims);
    jwt_free(jwt);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const uses[])(bytes_t) = {open_tokens, judge_token, judge_claims};
    if (size > 0)
        uses[data[0] % COUNT_OF(uses)]((bytes_t){data + 1, size - 1});
    return 0;
}
