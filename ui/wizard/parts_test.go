package wizard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

func TestLayoutPartsStayOnTheScreenAndApart(t *testing.T) {
	for w := minWidth; w <= 200; w++ {
		for h := minHeight; h <= 60; h++ {
			l := newLayout(w, h)
			owner := make(map[[2]int]string)
			for name, p := range map[string]rect{"header": l.header, "crumb": l.crumb, "steps": l.steps, "main": l.main,
				"side": l.side, "notice": l.notice, "footer": l.footer} {
				if p.w < 0 || p.h < 0 || p.x+p.w > w || p.y+p.h > h {
					t.Fatalf("%dx%d: %s lies outside: %+v", w, h, name, p)
				}
				for _, corner := range [][2]int{{p.x, p.y}, {p.x + p.w - 1, p.y}, {p.x, p.y + p.h - 1}, {p.x + p.w - 1, p.y + p.h - 1}} {
					if p.w*p.h == 0 {
						continue
					}
					if other := owner[corner]; other != "" && other != name {
						t.Fatalf("%dx%d: %s and %s overlap", w, h, name, other)
					}
					owner[corner] = name
				}
			}
			if l.main.w < 30 {
				t.Fatalf("%dx%d: the step has %d cells", w, h, l.main.w)
			}
		}
	}
}

func TestQuiet(t *testing.T) {
	at := func(ms int) time.Time { return fixture.Start.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name string
		keys []int
		ask  int
		want bool
	}{
		{"shown long enough", nil, 400, true},
		{"too early", nil, 399, false},
		{"keyboard not quiet", []int{200}, 449, false},
		{"keyboard quiet", []int{150}, 400, true},
		{"a key before it was shown", []int{-10}, 400, true},
	} {
		var q quiet
		q.begin(at(0))
		for _, k := range c.keys {
			q.key(at(k))
		}
		if got := q.ready(at(c.ask)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	var q quiet
	q.begin(at(0))
	q.ready(at(500))
	q.key(at(500))
	if !q.ready(at(501)) {
		t.Error("a question that has taken a key closes again")
	}
}

func TestFormats(t *testing.T) {
	const gib = int64(1) << 30
	for got, want := range map[string]string{
		stopwatch(21*time.Minute + 7*time.Second): "00:21:07",
		stopwatch(49*time.Hour + time.Second):     "2d 01:00:01",
		minutes(69 * time.Second):                 "1:09",
		minutes(3669 * time.Second):               "1:01:09",
		span(119 * time.Second):                   "119 s",
		span(5 * time.Minute):                     "5 min",
		span(125 * time.Minute):                   "2 h 5 min",
		span(-time.Second):                        "0 s",
		amount(wire.Progress{Done: 412 * gib, Total: 512 * gib, Unit: "bytes"}):   "412/512 GiB",
		amount(wire.Progress{Done: 512*gib - 1, Total: 512 * gib, Unit: "bytes"}): "511/512 GiB",
		amount(wire.Progress{Done: 3*gib + gib/2, Total: 8 * gib, Unit: "bytes"}): "3.5/8 GiB",
		amount(wire.Progress{Done: 3, Total: 7, Unit: "pods"}):                    "3/7 pods",
		rate(0.5, "claims"):            "30/min",
		sentence("nothing is lost"):    "Nothing is lost.",
		sentence("kubectl-x says no!"): "kubectl-x says no!",
		sentence("ümlaut first"):       "Ümlaut first.",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestStackGivesLinesByRank checks that what matters most keeps its lines when there are few.
func TestStackGivesLinesByRank(t *testing.T) {
	part := func(name string, n, least, rank int) section {
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprint(name, i))
		}
		return fixed(lines, least, rank, nil)
	}
	for h, want := range map[int]string{
		9: "a0 a1 a2  b0 b1 b2 c0 c1", 8: "a0 a1 a2 b0 b1 b2 c0 c1", 6: "a0 b0 b1 b2 c0 c1", 4: "a0 b0 c0 c1", 2: "c0 c1", 0: "",
	} {
		got := strings.Join(stack(h, part("a", 3, 1, 5), gap(), part("b", 3, 1, 2), part("c", 2, 2, 0)), " ")
		if got != want {
			t.Errorf("%d lines: %q, want %q", h, got, want)
		}
	}
}

func BenchmarkView(b *testing.B) {
	for _, s := range scenes[:9] {
		for _, size := range [][2]int{{80, 24}, {200, 60}} {
			b.Run(fmt.Sprintf("%s/%dx%d", s.name, size[0], size[1]), func(b *testing.B) {
				d := drive(&testing.T{}, s.tape(wire.Real, wire.Live), colourTheme)
				d.size(size[0], size[1])
				b.ReportAllocs()
				for b.Loop() {
					d.root.View()
				}
			})
		}
	}
}
