// Command dashboards writes the Grafana dashboards of the chart, charts/kedify-gateway/dashboards/*.json.
//
// Job: four boards as data (one file each: fleet, gateway, application, inference), rendered with Grafana's own types, which know
// its schema. Inputs: the boards. Outputs: files; `make dashboards` writes them, a test keeps them current, and
// TestBoards of controllers/plane runs every query in a Prometheus that reads a control plane and an Envoy.
package main
