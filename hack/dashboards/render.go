package main

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// board is one dashboard.
type board struct {
	File, UID, Title, About string
	// Variables are labels to choose values of, each with a metric that has the label.
	Variables []variable
	Rows      []row
}

type variable struct{ Label, Metric string }

type row struct {
	Title  string
	Panels []panel
}

// panel shows the results of queries: over time, or as they are now.
type panel struct {
	Title, About string
	Unit         string
	Shape        shape
	Queries      []query
}

type query struct{ Expr, Legend string }

type shape int

const (
	lines shape = iota
	number
	rows
)

// Columns of a dashboard that a panel takes, of 24, and its height.
var sizes = map[shape][2]uint32{lines: {8, 7}, number: {4, 4}, rows: {8, 7}}

const second = units.Seconds

var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}

// render returns the board as Grafana reads it.
func (b board) render() ([]byte, error) {
	//nolint:staticcheck // version 2 of the schema is for Grafana 12 and newer; the ConfigMaps are for all that are in use
	builder := dashboard.NewDashboardBuilder(b.Title).Uid(b.UID).Description(b.About).Tags([]string{"kedify-gateway"}).
		Time("now-1h", "now").Refresh("30s").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus"))
	for _, v := range b.Variables {
		values := fmt.Sprintf("label_values(%s, %s)", v.Metric, v.Label)
		builder.WithVariable(dashboard.NewQueryVariableBuilder(v.Label).Label(v.Label).Datasource(source).
			Query(dashboard.StringOrMap{String: &values}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
			Sort(dashboard.VariableSortAlphabeticalAsc).Multi(true).IncludeAll(true).AllValue(".*"))
	}
	for _, r := range b.Rows {
		builder.WithRow(dashboard.NewRowBuilder(r.Title))
		for _, p := range r.Panels {
			builder.WithPanel(p.builder())
		}
	}
	made, err := builder.Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.File, err)
	}
	if err := made.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", b.File, err)
	}
	text, err := json.MarshalIndent(made, "", "  ")
	return append(text, '\n'), err
}

func (p panel) builder() cog.Builder[dashboard.Panel] {
	width, height := sizes[p.Shape][0], sizes[p.Shape][1]
	switch p.Shape {
	case number:
		return stat.NewPanelBuilder().Title(p.Title).Description(p.About).Unit(p.Unit).Datasource(source).Span(width).Height(height).
			GraphMode(common.BigValueGraphModeArea).Targets(p.targets())
	case rows:
		return table.NewPanelBuilder().Title(p.Title).Description(p.About).Unit(p.Unit).Datasource(source).Span(width).Height(height).
			Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{"sum"})).Targets(p.targets())
	default:
		return timeseries.NewPanelBuilder().Title(p.Title).Description(p.About).Unit(p.Unit).Datasource(source).Span(width).Height(height).
			FillOpacity(10).ShowPoints(common.VisibilityModeNever).Min(0).
			Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).
				ShowLegend(true)).
			Targets(p.targets())
	}
}

func (p panel) targets() (all []cog.Builder[variants.Dataquery]) {
	for i, q := range p.Queries {
		target := prometheus.NewDataqueryBuilder().Expr(q.Expr).LegendFormat(q.Legend).RefId(string(rune('A' + i)))
		if p.Shape == rows {
			target.Instant().Format(prometheus.PromQueryFormatTable)
		} else {
			target.Range()
		}
		all = append(all, target)
	}
	return all
}
