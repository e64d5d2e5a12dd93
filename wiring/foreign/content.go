package foreign

import (
	"fmt"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// at returns the value at a path of an object; nil where there is none.
func at(content map[string]any, path ...string) any {
	for _, key := range path[:len(path)-1] {
		content, _ = content[key].(map[string]any)
	}
	return content[path[len(path)-1]]
}

func mapAt(content map[string]any, path ...string) map[string]any {
	found, _ := at(content, path...).(map[string]any)
	return found
}

func textAt(content map[string]any, path ...string) string {
	found, _ := at(content, path...).(string)
	return found
}

// textsAt returns the texts of a list; what is not one is left out.
func textsAt(content map[string]any, path ...string) []string {
	list, _ := at(content, path...).([]any)
	var texts []string
	for _, item := range list {
		if text, is := item.(string); is {
			texts = append(texts, text)
		}
	}
	return texts
}

// item is an object of a list.
type item struct {
	pointer string
	content map[string]any
}

// itemsAt returns the objects of the list at a path below pointer; what is not one is left out.
func itemsAt(pointer string, content map[string]any, path ...string) []item {
	list, _ := at(content, path...).([]any)
	pointer += "/" + strings.Join(path, "/")
	var items []item
	for i := range list {
		if content, is := list[i].(map[string]any); is {
			items = append(items, item{fmt.Sprint(pointer, "/", i), content})
		}
	}
	return items
}

// port reads the number of a port; the zero value of what is not one.
func port(value any) intstr.IntOrString {
	var number int64
	switch value := value.(type) {
	case int64:
		number = value
	case float64:
		if value == math.Trunc(value) && math.Abs(value) <= math.MaxUint16 {
			number = int64(value)
		}
	}
	if number < 1 || number > math.MaxUint16 {
		return intstr.IntOrString{}
	}
	return intstr.FromInt32(int32(number))
}

// lower returns hosts in lower case; none, which is every host, when one of them is every host.
func lower(hosts ...string) []string {
	var all []string
	for _, host := range hosts {
		if host == "" || host == "*" {
			return nil
		}
		all = append(all, strings.ToLower(host))
	}
	return all
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

// escape makes a key a part of a JSON pointer.
func escape(key string) string { return escapes.Replace(key) }
