/*
 * Checks, without a change on disk, whether the worker's user will be able to
 * use the SQLite store's file, and prepares the file at start.  Runs in the
 * master (or in nginx -t) only.  At start the master acts as the worker's
 * user while it touches the file: so all files are the worker's from the
 * first, and no link planted in the worker's folder is followed as root.
 */


#include "ngx_ess_store_sqlite_file.h"
#include <grp.h>
#include <pwd.h>


#define NGX_ESS_STORE_SQLITE_FILE_GROUPS  64

/* SQLite itself takes no path over 512 bytes, "-journal" included */
#define NGX_ESS_STORE_SQLITE_FILE_PATH    500

/* the header of a SQLite file: offsets of big endian numbers */
#define NGX_ESS_STORE_SQLITE_FILE_HEADER  100
#define NGX_ESS_STORE_SQLITE_FILE_VERSION_AT  60
#define NGX_ESS_STORE_SQLITE_FILE_APP_AT  68


/* who will use the file */

typedef struct {
    uid_t                    uid;
    gid_t                    groups[NGX_ESS_STORE_SQLITE_FILE_GROUPS];
    int                      ngroups;
    const char              *name;          /* for messages */
} ngx_ess_store_sqlite_file_user_t;


/* what the master was before it took on the worker's user */

typedef struct {
    gid_t                    gid;
    gid_t                    groups[NGX_ESS_STORE_SQLITE_FILE_GROUPS];
    int                      ngroups;
    unsigned                 changed:1;
#if (NGX_HAVE_PR_SET_DUMPABLE)
    int                      dumpable;
#endif
} ngx_ess_store_sqlite_file_saved_t;


static ngx_int_t ngx_ess_store_sqlite_file_user(ngx_conf_t *cf,
    ngx_ess_store_sqlite_file_user_t *user);
static ngx_uint_t ngx_ess_store_sqlite_file_may(
    ngx_ess_store_sqlite_file_user_t *user, struct stat *st, mode_t bits);
static size_t ngx_ess_store_sqlite_file_parent(char *path, size_t len);
static ngx_int_t ngx_ess_store_sqlite_file_folder(ngx_conf_t *cf,
    ngx_str_t *path, ngx_ess_store_sqlite_file_user_t *user);
static ngx_int_t ngx_ess_store_sqlite_file_way(ngx_conf_t *cf,
    ngx_str_t *path, const char *folder,
    ngx_ess_store_sqlite_file_user_t *user);
static ngx_int_t ngx_ess_store_sqlite_file_file(ngx_conf_t *cf,
    ngx_str_t *path, ngx_ess_store_sqlite_file_user_t *user);
static ngx_int_t ngx_ess_store_sqlite_file_header(ngx_conf_t *cf,
    ngx_str_t *path);
static uint32_t ngx_ess_store_sqlite_file_number(const u_char *p);
static ngx_int_t ngx_ess_store_sqlite_file_make(ngx_cycle_t *cycle,
    ngx_str_t *path);
static ngx_int_t ngx_ess_store_sqlite_file_become(ngx_cycle_t *cycle,
    ngx_core_conf_t *ccf);
static void ngx_ess_store_sqlite_file_own(ngx_cycle_t *cycle, ngx_str_t *path,
    const char *suffix, ngx_core_conf_t *ccf);


static ngx_ess_store_sqlite_file_saved_t  ngx_ess_store_sqlite_file_saved;


ngx_int_t
ngx_ess_store_sqlite_file_check(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_ess_store_sqlite_file_user_t  user;

    if (path->len > NGX_ESS_STORE_SQLITE_FILE_PATH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" takes a path of at most %d bytes, "
                           "this one has %uz",
                           NGX_ESS_STORE_SQLITE_FILE_PATH, path->len);
        return NGX_ERROR;
    }

    if (ngx_ess_store_sqlite_file_user(cf, &user) != NGX_OK
        || ngx_ess_store_sqlite_file_folder(cf, path, &user) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ess_store_sqlite_file_file(cf, path, &user);
}


static ngx_int_t
ngx_ess_store_sqlite_file_user(ngx_conf_t *cf,
    ngx_ess_store_sqlite_file_user_t *user)
{
    gid_t             gid;
    struct group     *grp;
    struct passwd    *pwd;
    ngx_core_conf_t  *ccf;

    user->uid = geteuid();
    user->name = "that runs nginx";
    user->ngroups = getgroups(NGX_ESS_STORE_SQLITE_FILE_GROUPS - 1,
                              user->groups);
    if (user->ngroups < 0) {
        user->ngroups = 0;
    }

    user->groups[user->ngroups++] = getegid();

    if (user->uid != 0) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        user->uid = ccf->user;
        user->name = ccf->username;
        gid = ccf->group;

    } else {

        /* no "user" so far: nginx will take what it was built with */

        pwd = getpwnam(NGX_USER);
        if (pwd == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "\"ess_store\" needs to know the worker's "
                               "user, getpwnam(\"" NGX_USER "\") failed");
            return NGX_ERROR;
        }

        user->uid = pwd->pw_uid;
        user->name = NGX_USER;

        grp = getgrnam(NGX_GROUP);
        gid = grp ? grp->gr_gid : pwd->pw_gid;
    }

    user->ngroups = NGX_ESS_STORE_SQLITE_FILE_GROUPS;

    if (getgrouplist(user->name, gid, user->groups, &user->ngroups) == -1) {
        user->groups[0] = gid;
        user->ngroups = 1;
    }

    return NGX_OK;
}


/* bits: of 4 read, 2 write, 1 execute (enter) */

static ngx_uint_t
ngx_ess_store_sqlite_file_may(ngx_ess_store_sqlite_file_user_t *user,
    struct stat *st, mode_t bits)
{
    int     i;
    mode_t  mode;

    if (user->uid == 0) {
        return 1;
    }

    mode = st->st_mode;

    if (st->st_uid == user->uid) {
        mode >>= 6;

    } else {
        for (i = 0; i < user->ngroups; i++) {
            if (st->st_gid == user->groups[i]) {
                mode >>= 3;
                break;
            }
        }
    }

    return (mode & bits) == bits;
}


/* Cuts an absolute path's last segment off; returns the new length, > 0. */

static size_t
ngx_ess_store_sqlite_file_parent(char *path, size_t len)
{
    while (len > 1 && path[len - 1] != '/') {
        len--;
    }

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }

    path[len] = '\0';

    return len;
}


static ngx_int_t
ngx_ess_store_sqlite_file_folder(ngx_conf_t *cf, ngx_str_t *path,
    ngx_ess_store_sqlite_file_user_t *user)
{
    char         folder[NGX_ESS_STORE_SQLITE_FILE_PATH + 1];
    char         parent[NGX_ESS_STORE_SQLITE_FILE_PATH + 1];
    size_t       len;
    struct stat  st;

    ngx_memcpy(folder, path->data, path->len);
    len = ngx_ess_store_sqlite_file_parent(folder, path->len);

    if (stat(folder, &st) == 0) {

        if (!S_ISDIR(st.st_mode)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ess_store\" %V: \"%s\" is not a folder",
                               path, folder);
            return NGX_ERROR;
        }

        if (!ngx_ess_store_sqlite_file_may(user, &st, 3)
            || (access(folder, W_OK) == -1 && ngx_errno == EROFS))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ess_store\" %V: the folder \"%s\" must be "
                               "writable for the user %s",
                               path, folder, user->name);
            return NGX_ERROR;
        }

        return ngx_ess_store_sqlite_file_way(cf, path, folder, user);
    }

    if (ngx_errno != NGX_ENOENT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"ess_store\" %V: stat() \"%s\" failed",
                           path, folder);
        return NGX_ERROR;
    }

    ngx_memcpy(parent, folder, len + 1);
    (void) ngx_ess_store_sqlite_file_parent(parent, len);

    if (stat(parent, &st) == -1 || !S_ISDIR(st.st_mode)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V: \"%s\" is not a folder that "
                           "exists; nginx makes the folder \"%s\" when it "
                           "starts, but not those around it",
                           path, parent, folder);
        return NGX_ERROR;
    }

    if ((geteuid() != 0 && !ngx_ess_store_sqlite_file_may(user, &st, 3))
        || (access(parent, W_OK) == -1 && ngx_errno == EROFS))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V: the folder \"%s\" cannot be "
                           "made, \"%s\" must be writable for the user %s",
                           path, folder, parent, user->name);
        return NGX_ERROR;
    }

    return ngx_ess_store_sqlite_file_way(cf, path, parent, user);
}


/* Every folder on the way must let the user through. */

static ngx_int_t
ngx_ess_store_sqlite_file_way(ngx_conf_t *cf, ngx_str_t *path,
    const char *folder, ngx_ess_store_sqlite_file_user_t *user)
{
    char         p[NGX_ESS_STORE_SQLITE_FILE_PATH + 1];
    size_t       len;
    struct stat  st;

    len = ngx_strlen(folder);
    ngx_memcpy(p, folder, len + 1);

    for ( ;; ) {

        if (stat(p, &st) == 0 && !ngx_ess_store_sqlite_file_may(user, &st, 1))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ess_store\" %V: the user %s may not enter "
                               "the folder \"%s\"; let it in (chmod o+x), or "
                               "put the file elsewhere",
                               path, user->name, p);
            return NGX_ERROR;
        }

        if (len == 1) {
            return NGX_OK;
        }

        len = ngx_ess_store_sqlite_file_parent(p, len);
    }
}


static ngx_int_t
ngx_ess_store_sqlite_file_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_ess_store_sqlite_file_user_t *user)
{
    struct stat  st;

    if (lstat((char *) path->data, &st) == -1) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"ess_store\" %V: lstat() failed", path);
        return NGX_ERROR;
    }

    if (!S_ISREG(st.st_mode)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V is %s; give the path of a "
                           "regular file, it need not exist", path,
                           S_ISDIR(st.st_mode) ? "a folder"
                           : S_ISLNK(st.st_mode) ? "a symbolic link"
                           : "not a regular file");
        return NGX_ERROR;
    }

    if (!ngx_ess_store_sqlite_file_may(user, &st, 6)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V must be readable and writable "
                           "for the user %s", path, user->name);
        return NGX_ERROR;
    }

    if (st.st_size == 0) {
        return NGX_OK;
    }

    return ngx_ess_store_sqlite_file_header(cf, path);
}


/*
 * The header is read here and not through SQLite, which would leave -wal and
 * -shm files behind.
 */

static ngx_int_t
ngx_ess_store_sqlite_file_header(ngx_conf_t *cf, ngx_str_t *path)
{
    int          fd;
    char         journal[NGX_ESS_STORE_SQLITE_FILE_PATH
                         + sizeof("-journal")];
    u_char       buf[NGX_ESS_STORE_SQLITE_FILE_HEADER];
    ssize_t      n;
    uint32_t     app, version;
    struct stat  st;

    /* with a journal the header is not what it will be after recovery */

    ngx_memcpy(journal, path->data, path->len);
    ngx_memcpy(journal + path->len, "-journal", sizeof("-journal"));

    if (lstat(journal, &st) == 0 && st.st_size != 0) {
        return NGX_OK;
    }

    fd = open((char *) path->data, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"ess_store\" %V: open() failed", path);
        return NGX_ERROR;
    }

    n = pread(fd, buf, sizeof(buf), 0);

    (void) close(fd);

    if (n != (ssize_t) sizeof(buf)
        || ngx_memcmp(buf, "SQLite format 3", 16) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V is not a SQLite database; give "
                           "the path of a file that does not exist yet, or of "
                           "one that ess_store made", path);
        return NGX_ERROR;
    }

    app = ngx_ess_store_sqlite_file_number(
                               buf + NGX_ESS_STORE_SQLITE_FILE_APP_AT);
    version = ngx_ess_store_sqlite_file_number(
                               buf + NGX_ESS_STORE_SQLITE_FILE_VERSION_AT);

    if (app != NGX_ESS_STORE_SQLITE_FILE_APP) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V is the SQLite database of "
                           "another application (id %uD); give the path of a "
                           "file that does not exist yet, or of one that "
                           "ess_store made", path, app);
        return NGX_ERROR;
    }

    if (version < 1 || version > NGX_ESS_STORE_SQLITE_FILE_SCHEMA) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" %V was made by another version of "
                           "this module: its schema is %uD, this version "
                           "knows those up to %d", path, version,
                           NGX_ESS_STORE_SQLITE_FILE_SCHEMA);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static uint32_t
ngx_ess_store_sqlite_file_number(const u_char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


ngx_int_t
ngx_ess_store_sqlite_file_enter(ngx_cycle_t *cycle, ngx_str_t *path)
{
    int               fd;
    ngx_core_conf_t  *ccf;

    ngx_ess_store_sqlite_file_saved.changed = 0;

    if (path->len > NGX_ESS_STORE_SQLITE_FILE_PATH
        || ngx_ess_store_sqlite_file_make(cycle, path) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() == 0 && ccf->user != 0
        && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT)
    {
        ngx_ess_store_sqlite_file_own(cycle, path, "-wal", ccf);
        ngx_ess_store_sqlite_file_own(cycle, path, "-shm", ccf);

        if (ngx_ess_store_sqlite_file_become(cycle, ccf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* SQLite's other files take mode and owner from this one */

    fd = open((char *) path->data, O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"ess_store\" %V: open() failed", path);
        (void) ngx_ess_store_sqlite_file_leave(cycle);
        return NGX_ERROR;
    }

    (void) close(fd);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_store_sqlite_file_make(ngx_cycle_t *cycle, ngx_str_t *path)
{
    char              folder[NGX_ESS_STORE_SQLITE_FILE_PATH + 1];
    ngx_core_conf_t  *ccf;

    ngx_memcpy(folder, path->data, path->len);
    (void) ngx_ess_store_sqlite_file_parent(folder, path->len);

    if (mkdir(folder, 0700) == -1) {

        if (ngx_errno == NGX_EEXIST) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"ess_store\" %V: mkdir() \"%s\" failed", path, folder);
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && lchown(folder, ccf->user, ccf->group) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"ess_store\" %V: lchown() \"%s\" failed",
                      path, folder);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_store_sqlite_file_become(ngx_cycle_t *cycle, ngx_core_conf_t *ccf)
{
    ngx_ess_store_sqlite_file_saved_t  *saved;

    saved = &ngx_ess_store_sqlite_file_saved;

    saved->gid = getegid();
    saved->ngroups = getgroups(NGX_ESS_STORE_SQLITE_FILE_GROUPS,
                               saved->groups);

    if (saved->ngroups < 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "getgroups() failed");
        return NGX_ERROR;
    }

#if (NGX_HAVE_PR_SET_DUMPABLE)
    saved->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#endif

    saved->changed = 1;

    if (initgroups(ccf->username, ccf->group) == -1
        || setegid(ccf->group) == -1
        || seteuid(ccf->user) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"ess_store\": to act as the user %s failed",
                      ccf->username);
        (void) ngx_ess_store_sqlite_file_leave(cycle);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_store_sqlite_file_leave(ngx_cycle_t *cycle)
{
    ngx_ess_store_sqlite_file_saved_t  *saved;

    saved = &ngx_ess_store_sqlite_file_saved;

    if (!saved->changed) {
        return NGX_OK;
    }

    saved->changed = 0;

    if (seteuid(0) == -1
        || setegid(saved->gid) == -1
        || setgroups(saved->ngroups, saved->groups) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "\"ess_store\": to act as root again failed");
        return NGX_ERROR;
    }

#if (NGX_HAVE_PR_SET_DUMPABLE)

    /* the kernel took it away with the change of the user */

    if (saved->dumpable == 1) {
        (void) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    }

#endif

    return NGX_OK;
}


/*
 * Gives a file that root left beside the database to the worker's user: only
 * what is root's, has one name and is no link, so that it cannot be a file
 * from elsewhere.
 */

static void
ngx_ess_store_sqlite_file_own(ngx_cycle_t *cycle, ngx_str_t *path,
    const char *suffix, ngx_core_conf_t *ccf)
{
    int          fd;
    char         name[NGX_ESS_STORE_SQLITE_FILE_PATH + sizeof("-wal")];
    struct stat  st;

    ngx_memcpy(name, path->data, path->len);
    ngx_memcpy(name + path->len, suffix, sizeof("-wal"));

    fd = open(name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0
        && st.st_nlink == 1
        && fchown(fd, ccf->user, ccf->group) == -1)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "fchown() \"%s\" failed", name);
    }

    (void) close(fd);
}
