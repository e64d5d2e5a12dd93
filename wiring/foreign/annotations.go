package foreign

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ingress is an Ingress with what its annotations say of all of its backends.
type ingress struct {
	*unstructured.Unstructured
	annotations map[string]any
	// host that backends see instead of that of the rule.
	host string
	// aliases are hosts that each rule with a host has besides.
	aliases []string
	tls     bool
	refused string
	// naming has, by Service, the annotation that configures it by its name.
	naming map[string]string
	// actions that are read already.
	actions map[string]bool
}

// tlsAnnotations make consumers speak TLS to backends, or pass on that of clients, with these
// values in any case.
var tlsAnnotations = map[string][]string{
	nginxProtocol: {"https", "grpcs"},
	"nginx.ingress.kubernetes.io/ssl-passthrough": {"true"},
	"alb.ingress.kubernetes.io/backend-protocol":  {"https"},
	"haproxy.org/server-ssl":                      {"true", "t", "1", "on", "enabled"},
	"haproxy.org/ssl-passthrough":                 {"true", "t", "1", "on", "enabled"},
	"haproxy-ingress.github.io/backend-protocol":  {"https", "h1-ssl", "h2-ssl", "grpcs"},
	"haproxy-ingress.github.io/secure-backends":   {"true"},
	"haproxy-ingress.github.io/ssl-passthrough":   {"true"},
}

const nginxProtocol = "nginx.ingress.kubernetes.io/backend-protocol"

// notHTTP are values of nginxProtocol that the proxies do not speak, or cannot tell.
var notHTTP = []string{"fcgi", "ajp", "auto_http"}

// hostAnnotations replace the host that backends see.
var hostAnnotations = []string{"nginx.ingress.kubernetes.io/upstream-vhost", "haproxy.org/set-host"}

// aliasAnnotations list hosts that the rules of an Ingress have besides their own.
var aliasAnnotations = []string{
	"nginx.ingress.kubernetes.io/server-alias", "haproxy-ingress.github.io/server-alias", "appgw.ingress.kubernetes.io/hostname-extension",
}

const (
	// aliasPattern lists regular expressions of such hosts.
	aliasPattern = "haproxy-ingress.github.io/server-alias-regex"
	// albConditions, before the name of a Service, add hosts to rules that lead to it.
	albConditions = "alb.ingress.kubernetes.io/conditions."
)

// clientHost are values of hostAnnotations that leave the host of the client.
var clientHost = []string{"$host", "$http_host", "$best_http_host"}

var hostPort = regexp.MustCompile(`:[0-9]+$`)

func newIngress(object *unstructured.Unstructured) *ingress {
	read := &ingress{
		Unstructured: object, annotations: mapAt(object.Object, "metadata", "annotations"),
		naming: map[string]string{}, actions: map[string]bool{},
	}
	for _, annotation := range namingAnnotations {
		for _, service := range strings.FieldsFunc(read.annotation(annotation), isSeparator) {
			read.naming[service] = annotation
		}
	}
	for annotation, values := range tlsAnnotations {
		read.tls = read.tls || slices.Contains(values, strings.ToLower(read.annotation(annotation)))
	}
	if protocol := read.annotation(nginxProtocol); slices.Contains(notHTTP, strings.ToLower(protocol)) {
		read.refused = fmt.Sprintf("The annotation %s is %s, which the proxies do not serve.", nginxProtocol, strings.ToUpper(protocol))
	}
	for _, annotation := range hostAnnotations {
		host := strings.ToLower(read.annotation(annotation))
		switch {
		case host == "" || slices.Contains(clientHost, host):
		case strings.ContainsAny(host, "$%{"):
			read.refused = fmt.Sprintf("The annotation %s has a variable, so the host that the proxies would see is unknown.", annotation)
		default:
			read.host = hostPort.ReplaceAllString(host, "")
		}
	}
	read.readAliases()
	return read
}

func (i *ingress) readAliases() {
	for _, annotation := range append(slices.Clone(aliasAnnotations), aliasPattern) {
		for _, host := range strings.FieldsFunc(i.annotation(annotation), isSeparator) {
			if annotation == aliasPattern || strings.HasPrefix(host, "~") {
				i.refused = fmt.Sprintf("The annotation %s has a regular expression; write the hosts as those of rules.", annotation)
				return
			}
			if len(i.aliases) == maxHosts {
				i.refused = fmt.Sprintf("The annotation %s has more than %d hosts; write wildcards like *.example.com.", annotation, maxHosts)
				return
			}
			i.aliases = append(i.aliases, host)
		}
	}
}

// hosts of a rule, with those that annotations add to it.
func (i *ingress) hosts(rule string) []string {
	if rule == "" {
		return nil
	}
	return lower(append([]string{rule}, i.aliases...)...)
}

func (i *ingress) annotation(key string) string { return strings.TrimSpace(textAt(i.annotations, key)) }

// namingAnnotations of NGINX's controller list Services by name.
var namingAnnotations = []string{
	"nginx.org/grpc-services", "nginx.org/rewrites", "nginx.org/ssl-services", "nginx.org/sticky-cookie-services",
	"nginx.org/websocket-services", "nginx.com/sticky-cookie-services",
}

func isSeparator(r rune) bool { return strings.ContainsRune(",;= \t\n", r) }

// readAction returns the Services that an action in an annotation forwards to, once for all of the
// paths that use it.
func (i *ingress) readAction(name string) []reading {
	if i.actions[name] {
		return nil
	}
	i.actions[name] = true
	annotation := "alb.ingress.kubernetes.io/actions." + name
	var action struct {
		ForwardConfig struct {
			TargetGroups []struct {
				ServiceName string             `json:"serviceName"`
				ServicePort intstr.IntOrString `json:"servicePort"`
			} `json:"targetGroups"`
		} `json:"forwardConfig"`
	}
	if json.Unmarshal([]byte(i.annotation(annotation)), &action) != nil {
		return nil
	}
	var all []reading
	for _, group := range action.ForwardConfig.TargetGroups {
		if group.ServiceName == "" {
			continue
		}
		found := i.reference("/metadata/annotations/"+escape(annotation), group.ServiceName, nil)
		found.Port = group.ServicePort
		found.Refused = fmt.Sprintf("The backend is in the annotation %s, and annotations are not rewritten.", annotation)
		all = append(all, reading{Reference: found})
	}
	return all
}
