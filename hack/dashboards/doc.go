// Command dashboards writes the Grafana dashboards of the chart, charts/kedify-gateway/dashboards/*.json, and pictures of them.
//
// Job: four boards as data (one file each: fleet, gateway, application, inference), rendered with Grafana's own types, which know
// its schema. With two arguments it draws them instead, with the answers of a Prometheus that the first names, into the folder that
// the second names: the panels, queries, legends and units of Grafana, not its rendering.
// Inputs: the boards; answers. Outputs: files; `make dashboards` and `make dashboard-pictures` write them, a test keeps the first
// current, and TestBoards of controllers/plane runs every query in a Prometheus that reads a control plane and an Envoy.
package main
