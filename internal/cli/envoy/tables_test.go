package envoy

import (
	"fmt"
	"testing"
)

const clustersJSON = `{"cluster_statuses":[
 {"name":"service/shop/web/80","host_statuses":[
  {"address":{"socket_address":{"address":"10.0.0.1","port_value":8080}},
      "stats":[{"value":"7","name":"rq_total"},{"name":"rq_active","type":"GAUGE"}],
      "health_status":{"eds_health_status":"HEALTHY"}},
  {"address":{"socket_address":{"address":"10.0.0.2","port_value":8080}},
      "health_status":{"failed_active_health_check":true,"eds_health_status":"HEALTHY"}}]},
 {"name":"a"}]}`

func TestTables(t *testing.T) {
	clusters, err := Clusters([]byte(clustersJSON))
	if got := fmt.Sprint(clusters, err); got != "[[a 0 0 0 0] [service/shop/web/80 2 1 7 0]] <nil>" {
		t.Error(got)
	}
	endpoints, err := Endpoints([]byte(clustersJSON))
	if got := fmt.Sprint(endpoints, err); got != "[[service/shop/web/80 10.0.0.1:8080 healthy 7 0] "+
		"[service/shop/web/80 10.0.0.2:8080 failed_active_health_check 0 0]] <nil>" {
		t.Error(got)
	}
	routes, err := Routes([]byte(`{"configs":[{"version_info":"v1","route_config":{"name":"80/b",
	    "virtual_hosts":[{"domains":["b","b:*"],"routes":[{},{}]}]}},
		{"version_info":"v2","route_config":{"name":"80/a","virtual_hosts":[{"domains":["*"],"matcher":{}}]}}]}`))
	if got := fmt.Sprint(routes, err); got != "[[80/a * a tree v2] [80/b b,b:* 2 v1]] <nil>" {
		t.Error(got)
	}
	for name, table := range map[string]func([]byte) ([][]string, error){"clusters": Clusters, "endpoints": Endpoints, "routes": Routes} {
		if _, err := table([]byte("no healthy upstream")); err == nil {
			t.Errorf("%s: a text is taken", name)
		}
		if rows, err := table([]byte("{}")); err != nil || len(rows) != 0 {
			t.Errorf("%s: %v %v", name, rows, err)
		}
	}
}
