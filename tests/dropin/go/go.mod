module example.org/mlsel/dropin

go 1.19
