
/*
 * The files beside this one, as bytes.  The build recipe says where they are
 * (NGX_ESS_OPENAPI_DIR) and that this depends on them.  Some of them are made
 * by tools/openapi.py.
 */


#include "ngx_ess_openapi_files.h"


#define ngx_ess_openapi_bytes(name, file)                                     \
    __asm__(".pushsection .rodata\n"                                          \
            ".global ngx_ess_openapi_" #name "\n"                             \
            ".hidden ngx_ess_openapi_" #name "\n"                             \
            "ngx_ess_openapi_" #name ":\n"                                    \
            ".incbin \"" NGX_ESS_OPENAPI_DIR "/" file "\"\n"                  \
            ".global ngx_ess_openapi_" #name "_end\n"                         \
            ".hidden ngx_ess_openapi_" #name "_end\n"                         \
            "ngx_ess_openapi_" #name "_end:\n"                                \
            ".byte 0\n"                                                       \
            ".popsection\n");                                                 \
    extern const u_char  ngx_ess_openapi_##name[]                             \
        __attribute__((visibility("hidden")));                                \
    extern const u_char  ngx_ess_openapi_##name##_end[]                       \
        __attribute__((visibility("hidden")))


typedef struct {
    const char              *name;
    const u_char            *data;
    const u_char            *end;
} ngx_ess_openapi_file_t;


ngx_ess_openapi_bytes(part_api, "api.json");
ngx_ess_openapi_bytes(part_components, "components.json");
ngx_ess_openapi_bytes(part_events, "events.json");
ngx_ess_openapi_bytes(part_health, "health.json");
ngx_ess_openapi_bytes(part_metrics, "metrics.json");
ngx_ess_openapi_bytes(part_publish, "publish.json");
ngx_ess_openapi_bytes(part_rpc, "rpc.json");
ngx_ess_openapi_bytes(part_subscribe, "subscribe.json");
ngx_ess_openapi_bytes(part_subscribe_one, "subscribe_one.json");
ngx_ess_openapi_bytes(part_script, "docs.js");
ngx_ess_openapi_bytes(part_style, "docs.css");


static const ngx_ess_openapi_file_t  ngx_ess_openapi_files[] = {
    { "ess_api", ngx_ess_openapi_part_api, ngx_ess_openapi_part_api_end },
    { "ess_events", ngx_ess_openapi_part_events,
      ngx_ess_openapi_part_events_end },
    { "ess_health", ngx_ess_openapi_part_health,
      ngx_ess_openapi_part_health_end },
    { "ess_metrics", ngx_ess_openapi_part_metrics,
      ngx_ess_openapi_part_metrics_end },
    { "ess_publish", ngx_ess_openapi_part_publish,
      ngx_ess_openapi_part_publish_end },
    { "ess_rpc", ngx_ess_openapi_part_rpc, ngx_ess_openapi_part_rpc_end },
    { "ess_subscribe", ngx_ess_openapi_part_subscribe,
      ngx_ess_openapi_part_subscribe_end },
    { "ess_subscribe one", ngx_ess_openapi_part_subscribe_one,
      ngx_ess_openapi_part_subscribe_one_end },
    { "components", ngx_ess_openapi_part_components,
      ngx_ess_openapi_part_components_end },
    { "docs.js", ngx_ess_openapi_part_script,
      ngx_ess_openapi_part_script_end },
    { "docs.css", ngx_ess_openapi_part_style, ngx_ess_openapi_part_style_end },
    { NULL, NULL, NULL }
};


ngx_int_t
ngx_ess_openapi_file(const char *name, ngx_str_t *text)
{
    const ngx_ess_openapi_file_t  *file;

    for (file = ngx_ess_openapi_files; file->name; file++) {

        if (ngx_strcmp(file->name, name) == 0) {
            text->data = (u_char *) file->data;
            text->len = file->end - file->data;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
