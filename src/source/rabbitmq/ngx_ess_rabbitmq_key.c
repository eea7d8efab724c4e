
/*
 * Keys of deliveries.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_rabbitmq_key.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_key.h"


void
ngx_ess_rabbitmq_key(ngx_ess_event_t *event, ngx_ess_amqp_delivery_t *delivery)
{
    event->routing_key = delivery->key;
    event->find_key = ngx_ess_key_find;

    if (!ngx_ess_amqp_property_has_headers(&delivery->raw_properties)) {
        return;
    }

    event->headers = delivery->raw_properties;
    event->header = ngx_ess_amqp_property_raw;

    if (ngx_ess_amqp_property_text(delivery->properties,
                                   NGX_ESS_RABBITMQ_KEY_HEADER, &event->key)
        != NGX_OK
        || !ngx_ess_key_valid(&event->key))
    {
        ngx_str_null(&event->key);
    }
}
