/*
 * A SQLite database's file: whether the worker's user will be able to use it,
 * without a change on disk, and making it at start.  Runs in the master (or in
 * nginx -t) only, which acts as the worker's user while it touches the file:
 * so the kernel says what that user may, all files are the worker's from the
 * first, and no link planted in the worker's folder is followed as root.
 */


#include "ngx_ess_sqlite_file.h"
#include <grp.h>
#include <pwd.h>
#include <sqlite3.h>


#define NGX_ESS_SQLITE_FILE_GROUPS  64

/* SQLite itself takes no path over 512 bytes, "-journal" included */
#define NGX_ESS_SQLITE_FILE_PATH    500

/* the header of a SQLite file: offsets of big endian numbers */
#define NGX_ESS_SQLITE_FILE_HEADER  100
#define NGX_ESS_SQLITE_FILE_VERSION_AT  60
#define NGX_ESS_SQLITE_FILE_APP_AT  68


/* whom the master acts as, and what it was before */

typedef struct {
    const char              *name;          /* for messages */
    gid_t                    gid;
    gid_t                    groups[NGX_ESS_SQLITE_FILE_GROUPS];
    int                      ngroups;
    unsigned                 changed:1;
#if (NGX_HAVE_PR_SET_DUMPABLE)
    int                      dumpable;
#endif
} ngx_ess_sqlite_file_user_t;


static ngx_int_t ngx_ess_sqlite_file_folder(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_ess_sqlite_file_closed(ngx_conf_t *cf,
    ngx_str_t *path, const char *folder, ngx_uint_t own, ngx_err_t err);
static ngx_int_t ngx_ess_sqlite_file_file(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_ess_sqlite_file_header(ngx_conf_t *cf,
    ngx_str_t *path, int fd);
static void ngx_ess_sqlite_file_library(void);
static ngx_int_t ngx_ess_sqlite_file_make(ngx_cycle_t *cycle,
    ngx_str_t *path);
static void ngx_ess_sqlite_file_sync(char *folder);
static ngx_int_t ngx_ess_sqlite_file_become(ngx_cycle_t *cycle);


/* what is being looked at, for messages */
static const ngx_ess_sqlite_kind_t  *ngx_ess_sqlite_file_kind;

static ngx_ess_sqlite_file_user_t    ngx_ess_sqlite_file_user;


ngx_int_t
ngx_ess_sqlite_file_check(ngx_conf_t *cf, const ngx_ess_sqlite_kind_t *kind,
    ngx_str_t *path)
{
    ngx_int_t  rc;

    ngx_ess_sqlite_file_kind = kind;

    if (path->len > NGX_ESS_SQLITE_FILE_PATH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" takes a path of at most %d bytes, "
                           "this one has %uz",
                           ngx_ess_sqlite_file_kind->directive,
                           NGX_ESS_SQLITE_FILE_PATH, path->len);
        return NGX_ERROR;
    }

    if (ngx_ess_sqlite_file_become(cf->cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_ess_sqlite_file_folder(cf, path);

    if (rc == NGX_OK) {
        rc = ngx_ess_sqlite_file_file(cf, path);
    }

    if (ngx_ess_sqlite_file_leave(cf->cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return rc;
}


/* Every folder on the way must let the user through; that of the file may be
   missing, and must else be writable. */

static ngx_int_t
ngx_ess_sqlite_file_folder(ngx_conf_t *cf, ngx_str_t *path)
{
    int     rc;
    char    folder[NGX_ESS_SQLITE_FILE_PATH + 1], *p, *last, next;

    (void) ngx_cpystrn((u_char *) folder, path->data, path->len + 1);

    last = strrchr(folder, '/');

    for (p = folder + 1; p <= last; p++) {

        if (*p != '/') {
            continue;
        }

        /* with the slash, so that it is a folder */

        next = p[1];
        p[1] = '\0';

        rc = faccessat(AT_FDCWD, folder, p == last ? W_OK|X_OK : X_OK,
                       AT_EACCESS);

        if (rc == -1) {
            *p = '\0';
            return ngx_ess_sqlite_file_closed(cf, path, folder,
                                                    p == last, ngx_errno);
        }

        p[1] = next;
    }

    return NGX_OK;
}


/* own: it is the file's */

static ngx_int_t
ngx_ess_sqlite_file_closed(ngx_conf_t *cf, ngx_str_t *path,
    const char *folder, ngx_uint_t own, ngx_err_t err)
{
    const char  *user;

    user = ngx_ess_sqlite_file_user.name;

    if (own && err == NGX_ENOENT) {
        return NGX_OK;
    }

    if (err != NGX_EACCES && err != EROFS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"%s\" %V: \"%s\" is not a folder that "
                           "exists; nginx makes the file's folder when it "
                           "starts, but not those around it",
                           ngx_ess_sqlite_file_kind->directive, path, folder);

    } else if (own) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"%s\" %V: the folder \"%s\" must be "
                           "writable for the user %s",
                           ngx_ess_sqlite_file_kind->directive, path, folder,
                           user);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" %V: the user %s may not enter the "
                           "folder \"%s\"; let it in (chmod o+x), or put the "
                           "file elsewhere",
                           ngx_ess_sqlite_file_kind->directive, path, user,
                           folder);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_ess_sqlite_file_file(ngx_conf_t *cf, ngx_str_t *path)
{
    int          fd;
    ngx_int_t    rc;
    struct stat  st;

    if (lstat((char *) path->data, &st) == -1) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%s\" %V: lstat() failed",
                           ngx_ess_sqlite_file_kind->directive, path);
        return NGX_ERROR;
    }

    if (!S_ISREG(st.st_mode)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" %V is %s; give the path of a "
                           "regular file, it need not exist",
                           ngx_ess_sqlite_file_kind->directive, path,
                           S_ISDIR(st.st_mode) ? "a folder"
                           : S_ISLNK(st.st_mode) ? "a symbolic link"
                           : "not a regular file");
        return NGX_ERROR;
    }

    fd = open((char *) path->data, O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%s\" %V must be readable and writable "
                           "for the user %s",
                           ngx_ess_sqlite_file_kind->directive, path,
                           ngx_ess_sqlite_file_user.name);
        return NGX_ERROR;
    }

    rc = ngx_ess_sqlite_file_header(cf, path, fd);

    (void) close(fd);

    return rc;
}


/*
 * The header is read here and not through SQLite, which would leave -wal and
 * -shm files behind.
 */

static ngx_int_t
ngx_ess_sqlite_file_header(ngx_conf_t *cf, ngx_str_t *path, int fd)
{
    char         journal[NGX_ESS_SQLITE_FILE_PATH
                         + sizeof("-journal")];
    u_char       buf[NGX_ESS_SQLITE_FILE_HEADER];
    ssize_t      n;
    uint32_t     app, version;
    struct stat  st;

    /* with a journal the header is not what it will be after recovery */

    ngx_memcpy(journal, path->data, path->len);
    ngx_memcpy(journal + path->len, "-journal", sizeof("-journal"));

    if (lstat(journal, &st) == 0 && st.st_size != 0) {
        return NGX_OK;
    }

    n = pread(fd, buf, sizeof(buf), 0);

    if (n == 0) {
        return NGX_OK;
    }

    if (n != (ssize_t) sizeof(buf)
        || ngx_memcmp(buf, "SQLite format 3", 16) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" %V is not a SQLite database; give "
                           "the path of a file that does not exist yet, or of "
                           "one that %s made",
                           ngx_ess_sqlite_file_kind->directive, path,
                           ngx_ess_sqlite_file_kind->directive);
        return NGX_ERROR;
    }

    ngx_memcpy(&app, buf + NGX_ESS_SQLITE_FILE_APP_AT, 4);
    ngx_memcpy(&version, buf + NGX_ESS_SQLITE_FILE_VERSION_AT, 4);

    app = ntohl(app);
    version = ntohl(version);

    if (app != ngx_ess_sqlite_file_kind->app) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" %V is the SQLite database of "
                           "another application (id %uD); give the path of a "
                           "file that does not exist yet, or of one that "
                           "%s made",
                           ngx_ess_sqlite_file_kind->directive, path, app,
                           ngx_ess_sqlite_file_kind->directive);
        return NGX_ERROR;
    }

    if (version < 1 || version > ngx_ess_sqlite_file_kind->schema) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" %V was made by another version of "
                           "this module: its schema is %uD, this version "
                           "knows those up to %uD",
                           ngx_ess_sqlite_file_kind->directive, path, version,
                           ngx_ess_sqlite_file_kind->schema);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_sqlite_file_enter(ngx_cycle_t *cycle,
    const ngx_ess_sqlite_kind_t *kind, ngx_str_t *path)
{
    int  fd;

    ngx_ess_sqlite_file_kind = kind;

    if (path->len > NGX_ESS_SQLITE_FILE_PATH
        || ngx_ess_sqlite_file_make(cycle, path) != NGX_OK
        || ngx_ess_sqlite_file_become(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_sqlite_file_library();

    /* SQLite's other files take mode and owner from this one */

    fd = open((char *) path->data, O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"%s\" %V: open() failed",
                      ngx_ess_sqlite_file_kind->directive, path);
        (void) ngx_ess_sqlite_file_leave(cycle);
        return NGX_ERROR;
    }

    (void) close(fd);

    return NGX_OK;
}


/* Without its sums of memory, which nobody asks for, each of which would take a
   mutex of all threads.  A library that is in use stays as it is. */

static void
ngx_ess_sqlite_file_library(void)
{
    (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}


static ngx_int_t
ngx_ess_sqlite_file_make(ngx_cycle_t *cycle, ngx_str_t *path)
{
    char             *last, folder[NGX_ESS_SQLITE_FILE_PATH + 1];
    ngx_core_conf_t  *ccf;

    (void) ngx_cpystrn((u_char *) folder, path->data, path->len + 1);

    last = strrchr(folder, '/');
    *last = '\0';

    if (last == folder) {
        return NGX_OK;
    }

    if (mkdir(folder, 0700) == -1) {

        if (ngx_errno == NGX_EEXIST) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"%s\" %V: mkdir() \"%s\" failed",
                      ngx_ess_sqlite_file_kind->directive, path, folder);
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && lchown(folder, ccf->user, ccf->group) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"%s\" %V: lchown() \"%s\" failed",
                      ngx_ess_sqlite_file_kind->directive,
                      path, folder);
        return NGX_ERROR;
    }

    ngx_ess_sqlite_file_sync(folder);

    return NGX_OK;
}


/* SQLite syncs the folder of its files, and nobody else the one in which that
   is new: it would be gone with them when the machine loses its power.  Who may
   not read the folder above, or has a file system that cannot, goes without. */

static void
ngx_ess_sqlite_file_sync(char *folder)
{
    int    fd;
    char  *last;

    last = strrchr(folder, '/');
    last[last == folder ? 1 : 0] = '\0';

    fd = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd != -1) {
        (void) fsync(fd);
        (void) close(fd);
    }
}


/* Who is root acts as the worker's user. */

static ngx_int_t
ngx_ess_sqlite_file_become(ngx_cycle_t *cycle)
{
    uid_t                              uid;
    gid_t                              gid;
    struct passwd                     *pwd;
    ngx_core_conf_t                   *ccf;
    ngx_ess_sqlite_file_user_t  *user;

    user = &ngx_ess_sqlite_file_user;

    user->name = "that runs nginx";
    user->changed = 0;

    if (geteuid() != 0) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    user->name = ccf->username;
    uid = ccf->user;
    gid = ccf->group;

    if (ccf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT) {

        /* no "user" so far: nginx will take what it was built with */

        pwd = getpwnam(NGX_USER);
        if (pwd == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "\"%s\" needs to know the worker's user, "
                          "getpwnam(\"" NGX_USER "\") failed",
                          ngx_ess_sqlite_file_kind->directive);
            return NGX_ERROR;
        }

        user->name = NGX_USER;
        uid = pwd->pw_uid;
        gid = pwd->pw_gid;
    }

    if (uid == 0) {
        return NGX_OK;
    }

    user->gid = getegid();
    user->ngroups = getgroups(NGX_ESS_SQLITE_FILE_GROUPS, user->groups);

    if (user->ngroups < 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "getgroups() failed");
        return NGX_ERROR;
    }

#if (NGX_HAVE_PR_SET_DUMPABLE)
    user->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#endif

    user->changed = 1;

    if (initgroups(user->name, gid) == -1
        || setegid(gid) == -1
        || seteuid(uid) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"%s\": to act as the user %s failed",
                      ngx_ess_sqlite_file_kind->directive,
                      user->name);
        (void) ngx_ess_sqlite_file_leave(cycle);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_sqlite_file_leave(ngx_cycle_t *cycle)
{
    ngx_ess_sqlite_file_user_t  *user;

    user = &ngx_ess_sqlite_file_user;

    if (!user->changed) {
        return NGX_OK;
    }

    user->changed = 0;

    if (seteuid(0) == -1
        || setegid(user->gid) == -1
        || setgroups(user->ngroups, user->groups) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"%s\": to act as root again failed",
                      ngx_ess_sqlite_file_kind->directive);
        return NGX_ERROR;
    }

#if (NGX_HAVE_PR_SET_DUMPABLE)

    /* the kernel took it away with the change of the user */

    if (user->dumpable == 1) {
        (void) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    }

#endif

    return NGX_OK;
}
