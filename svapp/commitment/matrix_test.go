package commitment

import (
	"strings"
	"testing"
)

// The matrix says of every pair what the two say of each other, and agrees with Agree on who the members are.
func TestMatrix(t *testing.T) {
	reports := all(t, "Alpha: Beta 08:00 08:30, Gamma 08:00 08:30", "Beta: Alpha 08:00 08:30, Gamma 08:00; !Gamma 08:30", "Gamma: Alpha 08:00, Beta 08:00 08:30")
	o := AgreeOptions{SVs: []string{"Alpha", "Beta", "Gamma", "Delta"}, Margin: DefaultMargin}
	m, err := Compare(reports, o, 5)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tick := range m.Ticks {
		row := ""
		for a := range m.SVs {
			for b := range m.SVs {
				row += string(".?+m"[tick.Pairs[a][b]])
				if tick.Pairs[a][b] != tick.Pairs[b][a] {
					t.Errorf("%v: %s and %s differ by who is asked", tick.At, m.SVs[a], m.SVs[b])
				}
			}
			row += " "
		}
		got = append(got, row)
	}
	// Alpha, Beta, Delta, Gamma; the latest tick first.
	want := ".+.? +..m .... ?m.. | .+.+ +..+ .... ++.. "
	if s := strings.Join(got, "| "); s != want {
		t.Errorf("got  %q\nwant %q", s, want)
	}
	if strings.Join(m.SVs, " ") != "Alpha Beta Delta Gamma" || m.Reported[2] || !m.Reported[3] {
		t.Errorf("%v %v", m.SVs, m.Reported)
	}
	if n := m.Ticks[1].Count(0); n != 2 || !m.Ticks[0].Mismatched(1) || len(m.Ticks[1].Largest) != 3 {
		t.Errorf("%d, %+v", n, m.Ticks)
	}
	a, err := Agree(reports, o)
	if err != nil {
		t.Fatal(err)
	}
	members, err := Members(reports, o, *a.AgreedAt)
	if err != nil || strings.Join(members, " ") != strings.Join(a.Members, " ") {
		t.Errorf("%v, %v, and Agree says %v", err, members, a.Members)
	}
	if members, err := Members(reports, o, clockText(t, "07:00")); err != nil || len(members) > 0 {
		t.Errorf("%v, %v", err, members)
	}
	if m, err := Compare(reports, o, 1); err != nil || len(m.Ticks) != 1 || m.Ticks[0].At != clockText(t, "08:30") {
		t.Errorf("%v, %+v", err, m.Ticks)
	}
}
