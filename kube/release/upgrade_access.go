package release

import "canton.example/svrescue/kube"

// AccessUpgrade is everything that Do sends.
func (u Upgrade) AccessUpgrade() []kube.Access {
	var all []kube.Access
	for _, p := range u.Parts {
		switch p.Verb {
		case Makes:
			all = append(all, p.Place.Access("create", p.Namespace, p.Name))
		case Changes:
			all = append(all, p.Place.Access("patch", p.Namespace, p.Name))
		case Removes:
			all = append(all, p.Place.Access("delete", p.Namespace, p.Name))
		}
	}
	return append(all, u.accessRecords(u.try, u.back)...)
}

// AccessBack is everything that Back sends.
func (u Upgrade) AccessBack() []kube.Access {
	var all []kube.Access
	for _, p := range u.backwards() {
		switch p.Verb {
		case Makes:
			all = append(all, p.Place.Access("create", p.Namespace, p.Name))
		case Changes:
			all = append(all, p.Place.Access("patch", p.Namespace, p.Name))
		case Removes:
			all = append(all, p.Place.Access("delete", p.Namespace, p.Name))
		}
	}
	return append(all, u.accessRecords(u.back, u.try)...)
}

// accessRecords lets the records of these revisions be made, and those before them be superseded.
func (u Upgrade) accessRecords(own, others func(int) int) []kube.Access {
	all := []kube.Access{secrets.Access("update", u.Namespace, recordOf(u.Name, u.From))}
	for n := range tries {
		key := recordOf(u.Name, own(n))
		all = append(all, secrets.Access("create", u.Namespace, key), secrets.Access("update", u.Namespace, key), secrets.Access("update", u.Namespace, recordOf(u.Name, others(n))))
	}
	return all
}

// backwards are the objects as taking back touches them. What the upgrade left alone is left alone.
func (u Upgrade) backwards() []Touched {
	var first, last []Touched
	for _, p := range u.Parts {
		switch p.Verb {
		case Makes:
			p.Verb = Removes
			if p.Keep {
				p.Verb = Leaves
			}
			last = append(last, p)
		case Removes:
			p.Verb = Makes
			first = append(first, p)
		default:
			first = append(first, p)
		}
	}
	return append(first, last...)
}
