package contract

var fields = []Case{}
