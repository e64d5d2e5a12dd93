package foreign

import (
	"fmt"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// refuse notes which references could not be put back, and are therefore never rewritten.
func refuse(object *unstructured.Unstructured, readings []reading) {
	known, err := originalsOf(object)
	known = known.namedBy(readings)
	ports, room := known.ports(), roomFor(object)
	for i := range readings {
		reading := &readings[i]
		named := reading.backend()
		written, has := ports[reading.Target]
		if _, wired := known.replacedAt(reading); !has && !wired {
			written, ports[reading.Target] = named.port, named.port
			room -= entrySize(object.GetNamespace(), reading.Target)
		}
		switch {
		case reading.Refused != "":
		case err != nil:
			reading.Refused = fmt.Sprintf("The annotation %s cannot be read (%v); correct it, or remove it after you have put back what it names.",
				v1alpha1.OriginalBackendsAnnotation, err)
		case len(reading.Hosts) > maxHosts:
			reading.Refused = fmt.Sprintf("It is for more than %d hosts; write wildcards like *.example.com, or split the object.", maxHosts)
		case !named.isValid():
			reading.Refused = "No Service can have that name."
		case written != named.port:
			reading.Refused = fmt.Sprintf("Another reference to InferencePool %s has another port; write the same port, or none, in all of them.",
				reading.Target.Key)
		case room < 0:
			reading.Refused = "The annotations of the object would be larger than Kubernetes permits."
		}
	}
}

// ports returns the ports, as written, of the backends that wired Services replaced; of Services 0.
func (o originals) ports() map[Target]int32 {
	ports := map[Target]int32{}
	for wired, original := range o {
		wired.Name = original.name
		ports[Target{Pool: original.pool, Key: wired}] = original.port
	}
	return ports
}

// roomFor returns how many bytes the annotations of an object may still grow.
func roomFor(object *unstructured.Unstructured) int {
	room := apivalidation.TotalAnnotationSizeLimitB - len(v1alpha1.OriginalBackendsAnnotation)
	for key, value := range mapAt(object.Object, "metadata", "annotations") {
		text, _ := value.(string)
		room -= len(key) + len(text)
	}
	return room
}

// entrySize bounds the size of the entry of a backend in the annotation.
func entrySize(namespace string, target Target) int {
	const suffix, quotes, pool = 16, 6, 100
	size := len(target.Key.Name) + min(len(target.Key.Name)+suffix, validation.DNS1123LabelMaxLength) + quotes
	if target.Key.Namespace != namespace {
		size += len(target.Key.Namespace) + 1
	}
	if target.Pool {
		size += pool
	}
	return size
}
