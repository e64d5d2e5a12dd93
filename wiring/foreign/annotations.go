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
	host    string
	tls     bool
	refused string
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

// clientHost are values of hostAnnotations that leave the host of the client.
var clientHost = []string{"$host", "$http_host", "$best_http_host"}

var hostPort = regexp.MustCompile(`:[0-9]+$`)

func newIngress(object *unstructured.Unstructured) *ingress {
	read := &ingress{Unstructured: object, annotations: mapAt(object.Object, "metadata", "annotations")}
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
	return read
}

func (i *ingress) annotation(key string) string { return strings.TrimSpace(textAt(i.annotations, key)) }

// namingAnnotations of NGINX's controller list Services by name.
var namingAnnotations = []string{
	"nginx.org/grpc-services", "nginx.org/rewrites", "nginx.org/ssl-services", "nginx.org/sticky-cookie-services",
	"nginx.org/websocket-services", "nginx.com/sticky-cookie-services",
}

// naming returns the annotation that configures a Service by its name, if there is one.
func (i *ingress) naming(service string) string {
	separator := func(r rune) bool { return strings.ContainsRune(",;= \t\n", r) }
	for _, annotation := range namingAnnotations {
		if slices.Contains(strings.FieldsFunc(textAt(i.annotations, annotation), separator), service) {
			return annotation
		}
	}
	return ""
}

// readAction returns the Services that an action in an annotation forwards to.
func (i *ingress) readAction(name string, hosts []string) []reading {
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
		found := i.reference("/metadata/annotations/"+escape(annotation), group.ServiceName, hosts)
		found.Port = group.ServicePort
		found.Refused = fmt.Sprintf("The backend is in the annotation %s, and annotations are not rewritten.", annotation)
		all = append(all, reading{Reference: found})
	}
	return all
}
