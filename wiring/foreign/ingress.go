package foreign

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kedify/inference-gateway/wiring/mirror"
)

// useAnnotation as the name of a port: the backend is an action in an annotation (AWS Load
// Balancer Controller), and its name no Service.
const useAnnotation = "use-annotation"

func readIngress(object *unstructured.Unstructured) []reading {
	ingress := newIngress(object)
	var all []reading
	if backend := mapAt(object.Object, "spec", "defaultBackend"); backend != nil {
		all = ingress.read(item{"/spec/defaultBackend", backend}, nil, nil)
	}
	for _, rule := range itemsAt("", object.Object, "spec", "rules") {
		hosts := ingress.hosts(textAt(rule.content, "host"))
		for _, path := range itemsAt(rule.pointer, rule.content, "http", "paths") {
			all = append(all, ingress.read(path, []string{"backend"}, hosts)...)
		}
	}
	return all
}

// read reads the backend at a path of an element.
func (i *ingress) read(element item, path []string, hosts []string) []reading {
	backend := element.content
	if len(path) > 0 {
		backend = mapAt(element.content, path...)
	}
	name := textAt(backend, "service", "name")
	found := reading{Reference: i.reference(element.pointer, name, hosts), element: element.content, name: append(path, "service", "name")}
	found.Paths = ingressPath(element.content)
	found.Port = servicePort(mapAt(backend, "service", "port"))
	switch {
	case backend["resource"] != nil:
		found.Target.Key.Name = ""
		found.Refused = "The backend is a resource; only Services are wired."
	case name == "":
		return nil
	case found.Port.StrVal == useAnnotation:
		found.Refused = "The name of the port is use-annotation: the backend is an action in an annotation and no Service, " +
			"and annotations are not rewritten."
		return append([]reading{found}, i.readAction(name)...)
	}
	return []reading{found}
}

// reference is that of a Service, with what the annotations say.
func (i *ingress) reference(pointer, service string, hosts []string) Reference {
	if i.host != "" {
		hosts = []string{i.host}
	}
	refused := i.refused
	if annotation := i.naming[service]; refused == "" && annotation != "" {
		refused = fmt.Sprintf("The annotation %s configures Service %s by its name; write Service %s there and as the backend.",
			annotation, service, mirror.Name(service, false))
	}
	if annotation := albConditions + service; refused == "" && strings.Contains(i.annotation(annotation), "host-header") {
		refused = fmt.Sprintf("The annotation %s adds hosts to those of the rule; write them as hosts of rules.", annotation)
	}
	key := types.NamespacedName{Namespace: i.GetNamespace(), Name: service}
	return Reference{Pointer: pointer, Target: Target{Key: key}, Hosts: hosts, Paths: everyPath, TLS: i.tls, Refused: refused}
}

func servicePort(content map[string]any) intstr.IntOrString {
	if name := textAt(content, "name"); name != "" {
		return intstr.FromString(name)
	}
	return port(content["number"])
}
