from django.shortcuts import render

from monitoring.models import Reading


def board(request):
    return render(request, "monitoring/board.html", {"readings": Reading.objects.all()})
