# Completion of waybill in bash. It asks the program itself which verbs and options there are, so
# that it is right for whatever version is installed.

_waybill_verbs() {
    sed -nE 's/^  ([a-z]+)  +[^ ].*/\1/p'
}

_waybill_options() {
    grep -oE -- '--[a-z][a-z-]*' | sort -u
}

_waybill() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local verb=${COMP_WORDS[1]-} sub=${COMP_WORDS[2]-} text subs
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$verb" = help ]; }; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" help 2>/dev/null | _waybill_verbs)" -- "$current")
        return
    fi
    case $previous in
    --config | --db | --schema | --token-file | --ca-file | --log)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --run-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --wait) mapfile -t COMPREPLY < <(compgen -W 'synced live offline' -- "$current") && return ;;
    --capture) mapfile -t COMPREPLY < <(compgen -W 'api triggers' -- "$current") && return ;;
    --log-level | --level) mapfile -t COMPREPLY < <(compgen -W 'error warning info debug' -- "$current") && return ;;
    --isolation) mapfile -t COMPREPLY < <(compgen -W 'thread process' -- "$current") && return ;;
    esac
    text=$("$program" help "$verb" 2>/dev/null)
    subs=$(_waybill_verbs <<<"$text")
    # Other lists look the same: verbs are what help knows.
    "$program" help "$verb" "${subs%%$'\n'*}" >/dev/null 2>&1 || subs=
    if [ -n "$subs" ] && [ "$COMP_CWORD" -gt 2 ] && grep -qx -- "$sub" <<<"$subs"; then
        text=$("$program" help "$verb" "$sub" 2>/dev/null || printf '%s' "$text")
        subs=
    elif [ "$COMP_CWORD" -ne 2 ]; then
        subs=
    fi
    mapfile -t COMPREPLY < <(compgen -W "$subs $(_waybill_options <<<"$text")" -- "$current")
    [ "${#COMPREPLY[@]}" -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

complete -F _waybill waybill
