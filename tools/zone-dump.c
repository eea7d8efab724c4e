
/*
 * Prints what is in the zone of a running worker, or of one that left a core
 * file, and what the checker finds wrong with it.
 *
 *     zone-dump PID|CORE
 *
 * The zone is copied first, so nothing is changed and nobody waits.  What a
 * dead worker left half-done is rolled back in the copy, as the next one that
 * takes the mutex would do it.  The copy of a zone that is being written to
 * may be torn: then ask again.
 */


#include "ngx_ess_journal.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_check.h"
#include "ngx_ess_zone_crc32.h"
#include <elf.h>


/* as much of nginx as the checker needs */

static ngx_log_t       zone_dump_log = { .log_level = NGX_LOG_DEBUG };
static ngx_cycle_t     zone_dump_cycle = { .log = &zone_dump_log };
volatile ngx_cycle_t  *ngx_cycle = &zone_dump_cycle;
ngx_pid_t              ngx_pid;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);

    for ( /* void */ ; *fmt; fmt++) {

        if (ngx_strncmp(fmt, "%s", 2) == 0) {
            (void) fputs(va_arg(args, char *), stdout);
            fmt++;

        } else if (ngx_strncmp(fmt, "%uL", 3) == 0) {
            (void) printf("%llu", (unsigned long long) va_arg(args, uint64_t));
            fmt += 2;

        } else if (ngx_strncmp(fmt, "%uD", 3) == 0) {
            (void) printf("%u", va_arg(args, uint32_t));
            fmt += 2;

        } else {
            (void) putchar(*fmt);
        }
    }

    va_end(args);

    (void) putchar('\n');
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


/* A copy of the zone that begins in one of the pages there; NULL: none. */

static ngx_ess_zone_sh_t *
zone_dump_find(int fd, off_t offset, uint64_t size)
{
    uint64_t            at, n;
    ssize_t             got;
    ngx_ess_zone_sh_t   head, *sh;

    for (at = 0; at + sizeof(head) <= size; at += 4096) {

        if (pread(fd, &head, sizeof(head), offset + at) != sizeof(head)) {
            return NULL;
        }

        if (head.magic != NGX_ESS_ZONE_MAGIC
            || head.layout != NGX_ESS_ZONE_LAYOUT
            || head.geo.size > size - at)
        {
            continue;
        }

        sh = malloc(head.geo.size);
        if (sh == NULL) {
            return NULL;
        }

        for (n = 0; n < head.geo.size; n += got) {
            got = pread(fd, (u_char *) sh + n, head.geo.size - n,
                        offset + at + n);
            if (got <= 0) {
                free(sh);
                return NULL;
            }
        }

        return sh;
    }

    return NULL;
}


static ngx_ess_zone_sh_t *
zone_dump_process(const char *pid)
{
    int                 fd;
    char                name[64], line[512];
    FILE               *maps;
    unsigned long       start, end;
    ngx_ess_zone_sh_t  *sh;

    (void) snprintf(name, sizeof(name), "/proc/%s/mem", pid);
    fd = open(name, O_RDONLY);

    (void) snprintf(name, sizeof(name), "/proc/%s/maps", pid);
    maps = fopen(name, "r");

    sh = NULL;

    while (fd != -1 && maps && sh == NULL && fgets(line, sizeof(line), maps)) {

        if (sscanf(line, "%lx-%lx rw-s", &start, &end) == 2
            && strstr(line, "/dev/zero"))
        {
            sh = zone_dump_find(fd, (off_t) start, end - start);
        }
    }

    if (maps) {
        (void) fclose(maps);
    }

    return sh;
}


static ngx_ess_zone_sh_t *
zone_dump_core(const char *name)
{
    int                 fd;
    ngx_uint_t          i;
    Elf64_Ehdr          eh;
    Elf64_Phdr          ph;
    ngx_ess_zone_sh_t  *sh;

    fd = open(name, O_RDONLY);

    if (fd == -1
        || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh)
        || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0
        || eh.e_type != ET_CORE)
    {
        return NULL;
    }

    sh = NULL;

    for (i = 0; i < eh.e_phnum && sh == NULL; i++) {

        if (pread(fd, &ph, sizeof(ph), eh.e_phoff + i * eh.e_phentsize)
            != sizeof(ph))
        {
            break;
        }

        if (ph.p_type == PT_LOAD) {
            sh = zone_dump_find(fd, (off_t) ph.p_offset, ph.p_filesz);
        }
    }

    return sh;
}


static void
zone_dump_processes(ngx_ess_zone_sh_t *sh)
{
    ngx_uint_t          i;
    ngx_ess_process_t  *p;

    for (i = 0; i < sh->geo.nprocs; i++) {
        p = ngx_ess_zone_proc(sh, i);

        if (p->pid == 0) {
            continue;
        }

        (void) printf("process slot %u: pid %u, generation %llu, streams %u, "
                      "dirty %u%s, consumes %04x\n", (unsigned) i, p->pid,
                      (unsigned long long) p->generation, p->npairs, p->ndirty,
                      p->overflow ? "+" : "", p->consumes);
    }
}


static void
zone_dump_stream(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    static const char  *states[] = { "?", "creating", "visible", "deleting",
                                     "closed" };
    ngx_uint_t          n;

    (void) printf("stream %llu: ", (unsigned long long) s->id);

    for (n = 0; n < NGX_ESS_UUID_LEN; n++) {
        (void) printf("%02x", s->uuid[n]);
    }

    (void) printf(" %s, key \"%.*s%s\", subscribers %llu, events %u, bytes "
                  "%llu, next ordinal %llu of %llu\n",
                  states[s->state <= NGX_ESS_STREAM_CLOSED ? s->state : 0],
                  (int) ngx_min(s->key_len, NGX_ESS_STREAM_KEY), s->key,
                  s->key_len > NGX_ESS_STREAM_KEY ? "..." : "",
                  (unsigned long long) ngx_ess_pair_count_locked(sh, s),
                  s->events, (unsigned long long) s->bytes,
                  (unsigned long long) s->next_ordinal,
                  (unsigned long long) s->reserved_ordinal);
}


int
main(int argc, char **argv)
{
    uint32_t            n;
    ngx_uint_t          faults;
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    if (argc != 2) {
        (void) fprintf(stderr, "usage: zone-dump PID|CORE\n");
        return 2;
    }

    sh = strspn(argv[1], "0123456789") == strlen(argv[1])
         ? zone_dump_process(argv[1]) : zone_dump_core(argv[1]);

    if (sh == NULL) {
        (void) fprintf(stderr, "no zone of layout %d found in \"%s\"\n",
                       NGX_ESS_ZONE_LAYOUT, argv[1]);
        return 1;
    }

    ngx_ess_zone_crc32_init();

    (void) printf("zone: %llu bytes, segments %u, free %u, streams %u, "
                  "generation %llu\n", (unsigned long long) sh->geo.size,
                  sh->geo.nsegs - 1, sh->nfree, sh->nstreams,
                  (unsigned long long) sh->generation);

    (void) printf("idempotency keys: %u\n", sh->nidempotency);

    if (sh->undo) {
        ngx_ess_journal_rollback_locked(sh);
    }

    faults = ngx_ess_zone_check_locked(sh, &zone_dump_log);

    zone_dump_processes(sh);

    for (i = sh->streams_head, n = 0;
         i && i < sh->fresh && n < sh->nstreams;
         i = ngx_ess_zone_stream(sh, i)->next, n++)
    {
        zone_dump_stream(sh, ngx_ess_zone_stream(sh, i));
    }

    (void) printf("faults: %u\n", (unsigned) faults);

    return faults ? 1 : 0;
}
