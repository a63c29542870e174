/*  wss: an agent and a server as processes, with certificates that are good and ones that are
    not. The reason stands in `waybill status`.  */

#include "tests/integration/world.h"

#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { PATIENCE_S = 60 };

/*  Authorities `ca` and `other`; servers of ca: good (127.0.0.1, localhost), elsewhere (another
    name), expired; and the key of good under a mode that others can read.  */
static const char make_certificates[] =
    "set -e; cd \"$0\"; exec 2>openssl.log\n"
    "key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; chmod 0600 $1.key; "
    "}\n"
    "authority() { key $1; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 30 "
    "-addext basicConstraints=critical,CA:TRUE -out $1.pem; }\n"
    "server() { key $1; openssl req -new -key $1.key -subj /CN=$1 -out $1.csr; "
    "printf 'subjectAltName=%s\\n' $2 >$1.ext; openssl x509 -req -in $1.csr -CA ca.pem "
    "-CAkey ca.key -CAcreateserial -extfile $1.ext -days $3 -out $1.pem; }\n"
    "authority ca; authority other\n"
    "server good IP:127.0.0.1,DNS:localhost 30\n"
    "server elsewhere DNS:elsewhere.example 30\n"
    "server expired IP:127.0.0.1 -1\n"
    "cp good.key open.key; chmod 0644 open.key\n";

static char *certificates;

static int
set_up(void **state)
{
    (void) state;
    certificates = directory_new();
    const pid_t pid = fork();
    if (pid == 0)
        _exit(execl("/bin/sh", "sh", "-c", make_certificates, certificates, NULL));
    process_t shell = {.pid = pid};
    return process_end(&shell, 0);
}

static int
tear_down(void **state)
{
    (void) state;
    directory_destroy(&certificates);
    return 0;
}

/*  ------------------------------------------------------------------- one server, one agent */

typedef struct couple {
    char *dir, *server_dir, *agent_dir, *address;
    process_t *server, *agent;
} couple_t;

static char *
write_config(const char *dir, const char *name, char *text)
{
    char *path = path_in(dir, name);
    write_file(path, text);
    free(text);
    return path;
}

/*  Without a certificate: ws.  */
static char *
server_config(const char *dir, const char *certificate, const char *key)
{
    buffer_t text = {0};
    buffer_add_format(&text,
                      "server\n    db = \"%s/server.db\"\n    schema = \"%s/schema.sql\"\n"
                      "    listen = \"127.0.0.1:0\"\nprocess\n    run_dir = \"%s/server\"\n",
                      dir, dir, dir);
    if (certificate)
        buffer_add_format(&text, "tls\n    certificate = \"%s/%s\"\n    key = \"%s/%s\"\n",
                          certificates, certificate, certificates, key);
    char *copy = mem_text(buffer_text(&text));
    buffer_release(&text);
    return write_config(dir, "server.conf", copy);
}

static void
start_server(couple_t *self, const char *certificate, const char *key)
{
    self->dir = directory_new();
    self->server_dir = path_in(self->dir, "server");
    self->agent_dir = path_in(self->dir, "agent");
    char *schema = path_in(self->dir, "schema.sql"), *log = path_in(self->dir, "server.log");
    write_file(schema, "CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY NOT NULL, "
                       "title TEXT NOT NULL);");
    char *config = server_config(self->dir, certificate, key);
    self->server =
        process_new(log, NULL, (const char *const[]){"server", "--config", config, NULL});
    assert_true(process_await_ready(self->server));
    self->address = strrchr(self->server->ready, ' ') + 1;
    free(schema);
    free(log);
    free(config);
}

static void
start_client(couple_t *self, const char *url, const char *ca, const char *more)
{
    char *log = path_in(self->dir, "agent.log");
    char *config =
        write_config(self->dir, "agent.conf",
                     mem_format("agent\n    db = \"%s/agent.db\"\n    server = \"%s\"\n"
                                "    ca_file = \"%s/%s\"\n%s"
                                "process\n    run_dir = \"%s\"\n"
                                "connection\n    base_ms = 20\n    cap_ms = 200\n",
                                self->dir, url, certificates, ca, more, self->agent_dir));
    self->agent =
        process_new(log, NULL, (const char *const[]){"agent", "--config", config, NULL});
    assert_true(process_await_ready(self->agent));
    free(config);
    free(log);
}

static void
stop(couple_t *self)
{
    if (self->agent)
        assert_int_equal(process_end(self->agent, SIGTERM), 0);
    if (self->server)
        assert_int_equal(process_end(self->server, SIGTERM), 0);
    process_destroy(&self->agent);
    process_destroy(&self->server);
    free(self->server_dir);
    free(self->agent_dir);
    directory_destroy(&self->dir);
}

/*  Waits until the status tells that.  */
static void
expect_reason(const couple_t *self, const char *reason)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    const time_t until = time(NULL) + PATIENCE_S;
    for (bool told = false; !told; nanosleep(&pause, NULL)) {
        outcome_t status = RUN("status", "--run-dir", self->agent_dir);
        told = strstr(status.out, reason) != NULL;
        if (!told && time(NULL) > until)
            fail_msg("\"%s\" is not in \"%s\"", reason, status.out);
        outcome_release(&status);
    }
}

/*  ------------------------------------------------------------------------------- wss  */

/*  A bare system may not even have /etc/hosts.  */
static bool
has_address(const char *host)
{
    struct addrinfo *found = NULL;
    const bool has = getaddrinfo(host, NULL, NULL, &found) == 0;
    if (has)
        freeaddrinfo(found);
    return has;
}

static void
synchronises_encrypted(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        couple_t couple = {0};
        if (!has_address(hosts[i])) {
            print_message("%s has no address on this machine: not tried\n", hosts[i]);
            continue;
        }
        start_server(&couple, "good.pem", "good.key");
        char *url = mem_format("wss://%s%s/api/sync", hosts[i], strrchr(couple.address, ':'));
        start_client(&couple, url, "ca.pem", "");
        outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", couple.agent_dir);
        assert_int_equal(synced.status, 0);
        outcome_t upsert =
            RUN("upsert", "notes", "n1", "{\"title\":\"Tea\"}", "--run-dir", couple.agent_dir);
        assert_int_equal(upsert.status, 0);
        outcome_release(&upsert);
        outcome_release(&synced);
        synced = RUN("status", "--wait", "synced", "--run-dir", couple.agent_dir);
        assert_int_equal(synced.status, 0);
        outcome_release(&synced);
        free(url);
        stop(&couple);
    }
}

static const struct {
    const char *certificate, *key, *scheme, *ca, *reason;
} distrusted[] = {
    {"good.pem", "good.key", "wss", "other.pem", "its certificate is not trusted: "},
    {"elsewhere.pem", "elsewhere.key", "wss", "ca.pem", "mismatch"},
    {"expired.pem", "expired.key", "wss", "ca.pem", "expired"},
    {"good.pem", "good.key", "wss", "missing.pem", "agent.ca_file: "},
    {"good.pem", "good.key", "wss", "good.key", "agent.ca_file: "},
    {"good.pem", "good.key", "ws", "ca.pem", "cannot reach"},
    {NULL, NULL, "wss", "ca.pem", "the TLS handshake failed"},
};

static void
tells_why_a_server_is_not_trusted(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT_OF(distrusted); i++) {
        couple_t couple = {0};
        start_server(&couple, distrusted[i].certificate, distrusted[i].key);
        char *url = mem_format("%s://%s/api/sync", distrusted[i].scheme, couple.address);
        start_client(&couple, url, distrusted[i].ca, "");
        expect_reason(&couple, distrusted[i].reason);
        free(url);
        stop(&couple);
    }
}

static void
speaks_no_tls_before_1_2(void **state)
{
    (void) state;
    couple_t couple = {0};
    start_server(&couple, "good.pem", "good.key");
    char *older = mem_format("timeout 60 openssl s_client -connect %s -tls1_1 "
                             "-cipher DEFAULT@SECLEVEL=0 </dev/null >/dev/null 2>&1",
                             couple.address);
    char *newer = mem_format("timeout 60 openssl s_client -connect %s -tls1_2 </dev/null "
                             ">/dev/null 2>&1",
                             couple.address);
    assert_int_not_equal(system(older), 0);
    assert_int_equal(system(newer), 0);
    free(older);
    free(newer);
    stop(&couple);
}

/*  -------------------------------------------------------------------------- at start  */

static const struct {
    const char *certificate, *key, *complaint;
} refused[] = {
    {"missing.pem", "good.key", "tls.certificate: "},
    {"good.pem", "missing.key", "tls.key: "},
    {"good.pem", "open.key", "others can get at it: chmod 0600"},
    {"good.pem", "other.key", "tls.key: "},
    {"good.key", "good.key", "tls.certificate: "},
    {"good.pem", ".", "tls.key: "},
    {"good.pem", "good.pem", "tls.key: "},
};

static void
does_not_start_with_files_that_make_no_sense(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        char *dir = directory_new();
        char *schema = path_in(dir, "schema.sql");
        write_file(schema, "");
        char *config = server_config(dir, refused[i].certificate, refused[i].key);
        assert_refused(RUN("server", "--config", config), 2, refused[i].complaint);
        free(schema);
        free(config);
        directory_destroy(&dir);
    }
}

/*  ------------------------------------------------------------------------- the token  */

static void
sends_no_token_in_the_clear(void **state)
{
    (void) state;
    couple_t couple = {.dir = directory_new()};
    couple.agent_dir = path_in(couple.dir, "agent");
    char *path = path_in(couple.dir, "token");
    char *more = mem_format("    token_file = \"%s\"\n", path);
    write_file(path, "secret-token\n");
    assert_int_equal(chmod(path, 0600), 0);
    start_client(&couple, "ws://198.51.100.7:1/api/sync", "ca.pem", more);
    expect_reason(&couple, "the token would be sent in the clear");
    free(path);
    free(more);
    stop(&couple);
}

static void
refuses_a_token_in_the_url(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "agent.db");
    outcome_t outcome =
        RUN("agent", "--db", db, "--server", "wss://example.com/api/sync?token=hush");
    assert_null(strstr(outcome.err, "hush"));
    assert_refused(outcome, 2, "agent.token_file");
    free(db);
    directory_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synchronises_encrypted),
        cmocka_unit_test(tells_why_a_server_is_not_trusted),
        cmocka_unit_test(speaks_no_tls_before_1_2),
        cmocka_unit_test(does_not_start_with_files_that_make_no_sense),
        cmocka_unit_test(sends_no_token_in_the_clear),
        cmocka_unit_test(refuses_a_token_in_the_url),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
