package trigger

import "testing"

// T46: values of trafficAutowire that are refused and accepted.
func TestT46AutowireRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"trafficAutowire": " Ingress "}, nil},
		{changes{"trafficAutowire": " "}, nil},
		{changes{"trafficAutowire": "foo"}, []string{
			`trigger 0: trafficAutowire has "foo", which is not known; ` +
				`use httproute, ingress, virtualservice, route, service, gloo, or "false" for none`,
		}},
		{changes{"trafficAutowire": "false,ingress"}, []string{
			`trigger 0: trafficAutowire has "false" beside other kinds; write it alone or remove it`,
		}},
		{changes{"trafficAutowire": "service,ingress"}, []string{
			`trigger 0: trafficAutowire has "service" beside other kinds; write it alone or remove it`,
		}},
		{changes{"trafficAutowire": "true"}, []string{
			`trigger 0: trafficAutowire has "true", which is not known; ` +
				`use httproute, ingress, virtualservice, route, service, gloo, or "false" for none`,
		}},
		{changes{"trafficAutowire": "gloo"}, []string{
			`warning: trigger 0: trafficAutowire "gloo" is not done here; point the Gloo objects at the proxy yourself`,
		}},
		{changes{"trafficAutowire": "ingress,"}, []string{
			`trigger 0: trafficAutowire "ingress," has an empty item; remove the comma that is too many`,
		}},
		{changes{"trafficAutowire": "ingress,Ingress"}, []string{
			`warning: trigger 0: trafficAutowire has "ingress" twice; remove one`,
		}},
		{changes{"trafficAutowire": "service"}, []string{
			`trigger 0: fallbackService is missing; trafficAutowire "service" needs a second Service, with the selector that service must not have`,
		}},
		{changes{"trafficAutowire": "service", "fallbackService": "web"}, []string{
			`trigger 0: fallbackService "web" is the service itself; name the Service with the selector`,
		}},
		{changes{"trafficAutowire": "service", "fallbackService": "web-pods"}, nil},
		{changes{"trafficAutowire": "service", "fallbackService": "web-pods", "inferencePool": "llm"}, []string{
			`trigger 0: trafficAutowire "service" does not go with inferencePool; leave it out`,
		}},
		{changes{"trafficAutowire": "a,b,c,d,e,f,g"}, []string{
			`trigger 0: trafficAutowire has 7 items and the limit is 6; write fewer, or make several triggers`,
		}},
	})
}
