/*  TLS to PostgreSQL, and passwords: whom the server trusts, and what it says if it does not.
 */

#include "tests/integration/process.h"
#include "tests/postgres/pg_place.h"

/*  Authorities `ca` and `other`; the database's certificate, of ca, for 127.0.0.1 alone. The
    role `locked` takes a password, and TLS.  */
static const char make_files[] =
    "set -e; cd '%s'; exec 2>openssl.log\n"
    "key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; chmod 0600 $1.key; "
    "}\n"
    "authority() { key $1; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 30 "
    "-addext basicConstraints=critical,CA:TRUE -out $1.pem; }\n"
    "authority ca; authority other; key db\n"
    "openssl req -new -key db.key -subj /CN=db -out db.csr; "
    "printf 'subjectAltName=IP:127.0.0.1\\n' >db.ext; "
    "openssl x509 -req -in db.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile db.ext "
    "-days 30 -out db.pem\n"
    "printf 'hostnossl all locked all reject\\nhost all locked all scram-sha-256\\n"
    "host all all all trust\\nlocal all all trust\\n' >pg_hba.conf\n"
    "[ $(id -u) -ne 0 ] || { chmod 0711 .; chown postgres db.key db.pem pg_hba.conf; }\n";

static char *files;
static cluster_t *cluster;
static database_t *database;

static int
set_up(void **state)
{
    (void) state;
    files = directory_new();
    char *command = mem_format(make_files, files);
    const int status = system(command); /* NOLINT(cert-env33-c): of our own making */
    assert_int_equal(status, 0);
    char *certificate = mem_format("ssl_cert_file=%s/db.pem", files);
    char *key = mem_format("ssl_key_file=%s/db.key", files);
    char *rules = mem_format("hba_file=%s/pg_hba.conf", files);
    cluster = CLUSTER("--set", "ssl=on", "--set", certificate, "--set", key, "--set", rules);
    database = database_new(cluster);
    database_run(database, "CREATE ROLE locked LOGIN PASSWORD 'hush'");
    free(command);
    free(certificate);
    free(key);
    free(rules);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    database_destroy(&database);
    cluster_destroy(&cluster);
    directory_destroy(&files);
    return 0;
}

/*  ADDRESS of the database with another user and host, and parameters.  */
static err_t
try(const char *user, const char *host, const char *parameters, fault_t *fault)
{
    settings_t settings = defaults;
    const long port = strtol(strrchr(cluster->address, ':') + 1, NULL, 10);
    char *address =
        mem_format("postgres://%s@%s:%ld/%s?%s", user, host, port, database->name, parameters);
    int64_t encrypted = 0;
    settings.server_db = address;
    pg_t *pg = pg_new(&settings, PG_SQL, "test");
    err_t err = pg_ready(pg, fault);
    if (err == OK)
        err = pg_number(pg, "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                        &encrypted, fault, "");
    if (err == OK)
        assert_int_equal(encrypted, strstr(parameters, "disable") == NULL);
    pg_destroy(&pg);
    free(address);
    return err;
}

static char *
verify(const char *authority)
{
    return mem_format("sslmode=verify-full&sslrootcert=%s/%s", files, authority);
}

static void
speaks_with_a_database_that_proves_who_it_is(void **state)
{
    (void) state;
    fault_t fault = {0};
    char *parameters = verify("ca.pem");
    must(try("postgres", "127.0.0.1", parameters, &fault), &fault);
    must(try("locked:hush", "127.0.0.1", parameters, &fault), &fault);
    must(try("postgres", "127.0.0.1", "sslmode=disable", &fault), &fault);
    free(parameters);
}

static void
refuses_one_that_another_authority_vouches_for(void **state)
{
    (void) state;
    fault_t fault = {0};
    char *parameters = verify("other.pem");
    assert_int_equal(try("locked:hush", "127.0.0.1", parameters, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "certificate verify failed"));
    assert_non_null(strstr(fault.text, "sslrootcert"));
    assert_null(strstr(fault.text, "hush"));
    assert_null(strchr(fault.text, '\n'));
    free(parameters);
}

static void
refuses_one_of_another_name(void **state)
{
    (void) state;
    fault_t fault = {0};
    char *parameters = verify("ca.pem");
    assert_int_equal(try("locked:hush", "localhost", parameters, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "does not match host name \"localhost\""));
    assert_null(strstr(fault.text, "hush"));
    free(parameters);
}

static void
says_that_the_file_of_the_authority_is_missing(void **state)
{
    (void) state;
    fault_t fault = {0};
    char *parameters = verify("missing.pem");
    assert_int_equal(try("postgres", "127.0.0.1", parameters, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "missing.pem"));
    free(parameters);
}

static void
says_that_the_password_is_wrong_and_not_which(void **state)
{
    (void) state;
    fault_t fault = {0};
    assert_int_equal(try("locked:guess", "127.0.0.1", "sslmode=require", &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "password authentication failed for user \"locked\""));
    assert_null(strstr(fault.text, "guess"));
    assert_int_equal(try("locked", "127.0.0.1", "sslmode=require", &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "~/.pgpass"));
}

/*  Where the role may not come without TLS, and where the database has none.  */
static void
says_when_one_side_wants_no_tls(void **state)
{
    (void) state;
    fault_t fault = {0};
    assert_int_equal(try("locked:hush", "127.0.0.1", "sslmode=disable", &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "pg_hba.conf"));
    assert_null(strstr(fault.text, "hush"));
    pg_place_t place;
    open_place(&place, NULL);
    char *address = mem_format("%s?sslmode=require", place.database->address);
    settings_t settings = defaults;
    settings.server_db = address;
    pg_t *pg = pg_new(&settings, PG_SQL, "test");
    assert_int_equal(pg_ready(pg, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "does not support SSL"));
    pg_destroy(&pg);
    free(address);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_with_a_database_that_proves_who_it_is),
        cmocka_unit_test(refuses_one_that_another_authority_vouches_for),
        cmocka_unit_test(refuses_one_of_another_name),
        cmocka_unit_test(says_that_the_file_of_the_authority_is_missing),
        cmocka_unit_test(says_that_the_password_is_wrong_and_not_which),
        cmocka_unit_test(says_when_one_side_wants_no_tls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
