package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-analyze/charts"
	"github.com/prometheus/common/model"
)

// A picture has the 24 columns of Grafana.
const (
	columns    = 24
	cellWidth  = 56
	cellHeight = 32
	gap        = 8
	headHeight = 40
	maxLines   = 12 // of a panel; legends of more would cover it
)

// place is where something stands in a picture, in cells.
type place struct{ x, y, width, height int }

// canvas draws one board.
type canvas struct {
	board   board
	answers answers
	painter *charts.Painter
}

// picture draws a board with the data of answers, as PNG.
func (b board) picture(from answers) ([]byte, error) {
	places, rows, height := b.places()
	c := &canvas{board: b, answers: from}
	width, pixels := columns*cellWidth+gap, height*cellHeight+headHeight
	c.painter = charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: width, Height: pixels},
		charts.PainterThemeOption(charts.GetTheme(charts.ThemeGrafana)))
	c.painter.FilledRect(0, 0, width, pixels, charts.ColorFromHex("#0b0c0e"), charts.ColorTransparent, 0)
	c.text(b.Title, 14, 27, 15)
	for i, r := range b.Rows {
		c.text(r.Title, 14, rows[i]*cellHeight+headHeight+21, 12)
		for j, p := range r.Panels {
			if err := c.panel(p, places[i][j]); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", b.File, p.Title, err)
			}
		}
	}
	return c.painter.Bytes()
}

// places are those of all panels, by row: side by side while there are columns left. rows are where the titles of rows stand.
func (b board) places() (places [][]place, rows []int, height int) {
	for _, r := range b.Rows {
		rows = append(rows, height)
		x, y, tallest := 0, height+1, 0
		var row []place
		for _, p := range r.Panels {
			width, tall := int(sizes[p.Shape][0]), int(sizes[p.Shape][1])
			if x+width > columns {
				x, y, tallest = 0, y+tallest, 0
			}
			row = append(row, place{x, y, width, tall})
			x, tallest = x+width, max(tallest, tall)
		}
		places, height = append(places, row), y+tallest
	}
	return places, rows, height
}

func (c *canvas) text(text string, x, y int, size float64) {
	c.painter.Text(text, x, y, 0, charts.FontStyle{FontSize: size, FontColor: charts.ColorFromHex("#d8d9da")})
}

func (c *canvas) panel(p panel, at place) error {
	left, top := at.x*cellWidth+gap, at.y*cellHeight+headHeight
	right, bottom := left+at.width*cellWidth-gap, top+at.height*cellHeight-gap
	c.painter.FilledRect(left, top, right, bottom, charts.ColorFromHex("#181b1f"), charts.ColorFromHex("#2c3235"), 1)
	c.text(p.Title, left+10, top+20, 10)
	found, times := c.answers.lines(c.board, p)
	if len(found) == 0 {
		return fmt.Errorf("no data")
	}
	if len(found) > maxLines {
		found = found[:maxLines]
	}
	switch p.Shape {
	case number:
		c.text(written(found[0].Last, p.Unit), left+20, (top+bottom)/2+18, 22)
		return nil
	case rows:
		for i, one := range found {
			c.text(written(one.Last, p.Unit)+"   "+one.Name, left+14, top+50+i*18, 9)
		}
		return nil
	case lines:
	}
	inside := c.painter.Child(charts.PainterBoxOption(charts.NewBox(left+8, top+28, right-8, bottom-6)))
	return inside.LineChart(chart(p, found, times))
}

func chart(p panel, found []line, times []model.Time) charts.LineChartOption {
	values := make([][]float64, 0, len(found))
	names := make([]string, 0, len(found))
	for _, one := range found {
		values, names = append(values, one.Values), append(names, one.Name)
	}
	clock := make([]string, 0, len(times))
	for _, time := range times {
		clock = append(clock, time.Time().UTC().Format("15:04:05"))
	}
	top := 0.0
	for _, value := range slices.Concat(values...) {
		if value != null {
			top = max(top, value)
		}
	}
	option := charts.NewLineChartOptionWithData(values)
	option.Theme = charts.GetTheme(charts.ThemeGrafana)
	option.Padding = charts.NewBoxEqual(4)
	option.Symbol, option.LineStrokeWidth = charts.Symbol{Shape: charts.SymbolNone}, 1.5
	option.XAxis.Labels, option.XAxis.LabelCount = clock, 5
	option.XAxis.BoundaryGap = charts.Ptr(false)
	option.XAxis.LabelFontStyle = charts.NewFontStyleWithSize(7)
	option.YAxis = []charts.YAxisOption{{
		Min: charts.Ptr(0.0), Max: charts.Ptr(cmp.Or(top*1.1, 1)), LabelCount: 5, LabelFontStyle: charts.NewFontStyleWithSize(7),
		ValueFormatter: func(value float64) string { return written(value, p.Unit) },
	}}
	option.Legend = charts.LegendOption{
		SeriesNames: names, FontStyle: charts.NewFontStyleWithSize(7), Symbol: charts.SymbolSquare,
		Offset: charts.OffsetStr{Left: charts.PositionLeft, Top: charts.PositionBottom},
	}
	return option
}
